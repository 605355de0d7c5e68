internal import CameraView
internal import Gateway
internal import Glibc
internal import Imaging
internal import Model
internal import Posix
internal import Scanners

/// `camera preview`: what a camera sees, in the terminal.
enum CameraScreen {
    static let preview = Command(
        name: "camera preview", usage: "PATH|NAME [--once] [OPTIONS]",
        summary: "what a camera sees, in the terminal, with the codes outlined",
        details: """
            Two pixels a character, in 24-bit grey where $COLORTERM says so, else in 24 greys; as large as the window. Until
            Ctrl-C; --once draws one picture, also where there is no terminal.

            \(CameraCommands.details)

            example: scangate camera preview /dev/video0
            """, options: CameraCommands.options + [.flag("once")]
    ) { arguments in
        _ = try arguments.operands("PATH|NAME")
        guard !arguments.has("json") else {
            throw CommandError(
                "a picture in a terminal is no JSON", hint: "figures: scangate camera tune --json", exit: .usage)
        }
        let isOnce = arguments.has("once")
        guard isOnce || Terminal.size(of: 1) != nil else {
            throw CommandError(
                "there is no terminal to draw in",
                hint: "--once draws one picture; scangate camera snapshot writes a file",
                exit: .usage)
        }
        let camera = try await CameraChoiceOfUser(arguments)
        let stop: Int32
        do throws(SystemError) { stop = try Signals.arrival() } catch { throw CommandError(error.description) }
        try await camera.looking { look throws(CameraLook.Fault) in
            guard !isOnce else {
                let picture = try CameraCommands.best(look)
                return Output.text(text(picture))
            }
            // Another screen, without a cursor; both as they were at the end, however it comes.
            Output.text("\u{1B}[?1049h\u{1B}[?25l")
            defer { Output.text("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l") }
            var window = (columns: 0, rows: 0)
            while let picture = try look.next(stop: stop) {
                let now = Terminal.size(of: 1) ?? (80, 24)
                Output.text(
                    (now == window ? "" : "\u{1B}[2J") + "\u{1B}[H" + text(picture) + status(picture, now.columns))
                window = now
            }
        }
    }

    private static func text(_ picture: CameraLook.Picture) -> String {
        let window = Terminal.size(of: 1) ?? (80, 24)
        let drawer = TerminalPicture(columns: window.columns, rows: window.rows - 1, colours: colours)
        return drawer.text(LumaImage(picture).view, codes: picture.codes.map(\.places))
    }

    private static var colours: TerminalPicture.Colours {
        let word = getenv("COLORTERM").map { String(cString: $0) } ?? ""
        return word == "truecolor" || word == "24bit" ? .full : .greys
    }

    /// The last line: no wider than the window, or the terminal would scroll.
    private static func status(_ picture: CameraLook.Picture, _ columns: Int) -> String {
        let labels = picture.codes.map { Safe.text(String(decoding: $0.bytes, as: UTF8.self), limit: 40) }
        let text =
            "\(picture.width)x\(picture.height)  \(TuningAdvice.tenths(picture.rate)) frames/s  "
            + (labels.isEmpty ? "no code" : labels.joined(separator: "  "))
        return String(text.prefix(max(0, columns - 1))) + "\u{1B}[K"
    }
}

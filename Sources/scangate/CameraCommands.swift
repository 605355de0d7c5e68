internal import CameraView
internal import Gateway
internal import Glibc
internal import Imaging
internal import JSON
internal import Model
internal import Pictures
internal import Posix
internal import Scanners

/// What people need in order to choose, aim, focus and light a camera. Pictures are decoded by a worker in its sandbox,
/// as in the daemon, and never here.
enum CameraCommands {
    static let all = [CameraListCommand.list, snapshot, CameraScreen.preview, tune]

    /// Options of every command that looks through a camera.
    static let options: [Arguments.Option] = capture.map { .value($0) }
    private static let capture = ["size", "rate", "format", "exposure", "gain", "focus", "symbologies", "charset"]

    /// What their help says of `PATH|NAME` and the options.
    static let details = """
        PATH is a node such as /dev/video0, or a link of /dev/v4l/by-id; NAME a registered camera, whose own settings hold.
        --size WxH, --rate N, --format WORD, --exposure N, --gain N, --focus N, --symbologies LIST: see device add --help.
        PATH may also be a JPEG, such as a frame that the daemon has kept.
        A camera that the daemon reads is seen with the daemon's eyes, as it was registered; to try other options: device
        disable NAME, look, device enable NAME.
        """

    private static let snapshot = Command(
        name: "camera snapshot", usage: "PATH|NAME [FILE.png] [--plain] [OPTIONS] [--json]",
        summary: "take a picture, with the codes in it outlined",
        details: """
            Says what it read, and where the picture is; without FILE it is in this directory under the camera's name.
            --plain: the pixels as they are, in greys, without outlines.

            \(details)

            example: scangate camera snapshot /dev/video0 belt.png
            belt.png: 1280x720, sharpness 46
            SB00860  QR  4.2 pixels a module
            """, options: options + [.flag("plain")]
    ) { arguments in
        guard (1...2).contains(arguments.operands.count) else {
            throw CommandError("write PATH or NAME of a camera, and a file", hint: "see --help", exit: .usage)
        }
        let camera = try await CameraChoiceOfUser(arguments)
        let picture = try await camera.looking { look throws(CameraLook.Fault) in try best(look) }
        let image = LumaImage(picture)
        let file = arguments.operands.count == 2 ? arguments.operands[1] : camera.fileName
        do {
            let output = try FileDescriptor.open(file, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try output.write(try png(image, picture, isPlain: arguments.has("plain")), subject: file)
        } catch { throw CommandError("the picture is not written: \(error)", hint: "name another FILE") }
        let report = CameraReport(picture, image, camera: camera.path)
        guard !arguments.has("json") else { return Output.json(report.json(file: file)) }
        Output.line("\(Safe.text(file, limit: 4096)): \(picture.width)x\(picture.height)\(report.sharpness)")
        for line in report.codeLines { Output.line(line) }
        if picture.codes.isEmpty {
            Output.line("no code was read: \(report.advice[0])")
        }
    }

    private static func png(_ image: LumaImage, _ picture: CameraLook.Picture, isPlain: Bool) throws -> [UInt8] {
        guard !isPlain else { return try PNG.encode(image.view) }
        var drawn = RGBImage(image.view)
        for code in picture.codes {
            drawn.outline(
                code.places, colour: code.part == nil ? .green : .red, thickness: max(3, picture.width / 400))
        }
        return try PNG.encode(drawn)
    }

    private static let tune = Command(
        name: "camera tune", usage: "PATH|NAME [--once] [OPTIONS] [--json]",
        summary: "focus, light and size of the codes, live, and what to change",
        details: """
            Lay a label where labels pass. Once a second, until Ctrl-C: sharpness (100: edges of one pixel; 40 or more is
            good), the mean of all pixels (60 to 215), how much is lost in black or white, and how many pixels a module of
            each code has (3 or more). --once says it once; --json an object a line.

            \(details)

            example: scangate camera tune /dev/video0
            14:02:11  sharpness 12  mean 118  black 2 %  white 0 %  29.8 frames/s  1 code
              SB00860  QR  4.2 pixels a module
              focus: turn the lens, or change the distance; sharpness 12, 40 or more is good
            """, options: options + [.flag("once")]
    ) { arguments in
        _ = try arguments.operands("PATH|NAME")
        let camera = try await CameraChoiceOfUser(arguments)
        let isOnce = arguments.has("once")
        let asJSON = arguments.has("json")
        try await camera.looking { look throws(CameraLook.Fault) in
            var said: Int64?
            var seen = 0
            while let picture = try look.next() {
                seen += 1
                let now = TimeSource.system.now()
                // A camera adjusts itself to the light first, and a rate takes a second to be known.
                let isDue =
                    said.map { now.uptimeMs - $0 >= 1000 } ?? (look.isWarm || seen >= warmUp && picture.rate > 0)
                guard isDue else { continue }
                said = now.uptimeMs
                let report = CameraReport(picture, LumaImage(picture), camera: camera.path)
                if asJSON {
                    Output.json(report.json())
                } else {
                    Output.line("\(Timestamp.text(now.wallMs).dropFirst(11).prefix(8))\(report.line)")
                    for line in report.codeLines + report.advice.map({ "\($0)" }) { Output.line("  \(line)") }
                }
                if isOnce { return }
            }
        }
    }

    /// Frames that a camera takes to adjust itself, as a rule.
    static let warmUp = 8

    /// Of the first dozen pictures the one with most codes; of those the last. Of a camera that was running, of fewer.
    static func best(_ look: any PictureSource) throws(CameraLook.Fault) -> CameraLook.Picture {
        var best: CameraLook.Picture?
        let (first, enough, last) = look.isWarm ? (1, 1, 4) : (warmUp / 2, warmUp, 2 * warmUp)
        for number in 1... {
            guard let picture = try look.next() else { break }
            if number < first { continue }
            if picture.codes.count >= best?.codes.count ?? 0 { best = picture }
            if number >= last || (number >= enough && !picture.codes.isEmpty) { break }
        }
        guard let best else { throw CameraLook.Fault.noFrames }
        return best
    }
}

extension CameraLook.Code {
    /// Its corners as drawing takes them.
    var places: [(x: Int, y: Int)] { corners.map { ($0.x, $0.y) } }
}

extension LumaImage {
    /// A picture's pixels.
    convenience init(_ picture: CameraLook.Picture) {
        self.init(width: picture.width, height: picture.height)
        withPixels { pixels in _ = pixels.update(fromContentsOf: picture.luma.prefix(pixels.count)) }
    }
}

internal import DecodeWorker
internal import Gateway
internal import Glibc
internal import Posix

@main
enum Main {
    /// Not async: an async main would run on a pool thread, and block the signals there only, while the first thread
    /// would still die of them.
    static func main() {
        let words = Array(CommandLine.arguments.dropFirst())
        // First of all: a SIGTERM before this line is fatal, one after it waits. Daemon and relay alone end in order, and what
        // draws gives the terminal back; every other command ends by Ctrl-C at once.
        // Neither a Task nor a thread before it is in its sandbox. No command for people: the daemon starts it.
        if words.first == "decode-worker" { exit(DecodeWorker.run(Array(words.dropFirst()))) }
        let isScreen = words.starts(with: ["camera", "preview"])
        if words.first == "run" || words.first == "relay" || isScreen { Signals.block() }
        // Unstructured: it is the body of the program, and ends it.
        Task.detached { exit(await run(words)) }
        while true { pause() }
    }

    private static func run(_ words: [String]) async -> Int32 {
        do {
            try await perform(words)
            return 0
        } catch let error as CommandError {
            Output.error(error)
            return error.exit.rawValue
        } catch {
            Output.error(CommandError(String(describing: error)))
            return CommandError.Exit.failed.rawValue
        }
    }

    private static func perform(_ words: [String]) async throws {
        if words.first == "--version" { return Output.line("scangate \(Version.text)") }
        guard let first = words.first, first != "help", first != "--help", first != "-h" else {
            return Output.text(Help.overview)
        }
        guard let command = Commands.find(words) else {
            throw CommandError(
                "there is no command \"\(words.prefix(2).joined(separator: " "))\"", hint: "see: scangate --help",
                exit: .usage)
        }
        let rest = words.dropFirst(command.name.split(separator: " ").count)
        let arguments = try Arguments(rest, options: command.options)
        if arguments.has("help") { return Output.text(Help.page(command)) }
        try await command.run(arguments)
    }
}

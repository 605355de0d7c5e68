internal import Gateway
internal import Glibc
internal import Posix

@main
enum Main {
    static func main() async {
        // First of all: a SIGTERM before this line is fatal, one after it waits.
        Signals.block()
        do {
            try await run(Array(CommandLine.arguments.dropFirst()))
        } catch let error as CommandError {
            Output.error(error)
            exit(error.exit.rawValue)
        } catch {
            Output.error(CommandError(String(describing: error)))
            exit(CommandError.Exit.failed.rawValue)
        }
    }

    private static func run(_ words: [String]) async throws {
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

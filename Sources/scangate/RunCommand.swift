internal import Gateway
internal import Glibc
internal import Posix

enum RunCommand {
    static let run = Command(
        name: "run", usage: "[--config FILE]", summary: "the daemon, in the foreground",
        details: """
            Reads the registered scanners, keeps every scan in the state directory, and brings them to the uplinks.
            SIGTERM stops in order, a second one at once; SIGHUP reloads the configuration.

            example: scangate run --config /etc/scangate/scangate.toml
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        do throws(CommandError) { try await Daemon.run(configurationAt: arguments.configurationPath) } catch {
            // As log lines, so that the journal knows them for errors.
            Log.lines(.error, error.message + "\n" + error.hint)
            exit(error.exit.rawValue)
        }
    }
}

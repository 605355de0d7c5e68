internal import Gateway

/// One subcommand: its name, its help, what it does.
struct Command: Sendable {
    /// As it is typed: `device add`.
    let name: String
    /// What follows the name, for the help: `NAME --port PATH`.
    let usage: String
    /// One line for the overview.
    let summary: String
    /// More lines for its own page, with an example.
    let details: String
    let options: [Arguments.Option]
    let run: @Sendable (Arguments) async throws -> Void
}

/// All subcommands, in the order of the overview.
enum Commands {
    static let all: [Command] =
        [RunCommand.run, StatusCommand.status, WatchCommand.watch, DoctorCommand.doctor] + ConfigCommands.all
        + DeviceCommands.all + LaneCommands.all + LabelCommands.all + ScansCommands.all + UplinkCommands.all
        + SignalCommands.all + CameraCommands.all + AuditCommands.all
        + [DecodeCommand.decode, RelayCommand.relay, SimulateCommand.simulate]

    /// The command that the first words name; the longest name wins.
    static func find(_ words: [String]) -> Command? {
        [2, 1].lazy.compactMap { count in
            all.first { $0.name == words.prefix(count).joined(separator: " ") }
        }.first
    }
}

/// Texts of `--help`.
enum Help {
    static var overview: String {
        let width = Commands.all.map(\.name.count).max() ?? 0
        let lines = Commands.all.map { command in
            "  " + command.name + String(repeating: " ", count: width + 2 - command.name.count) + command.summary
        }
        return """
            scangate: takes scans from a dock's scanners, keeps them on disk, brings them to TraceTrack.

            usage: scangate COMMAND [OPTIONS]      scangate COMMAND --help

            \(lines.joined(separator: "\n"))

            Every command takes --config FILE (default $SCANGATE_CONFIG, then /etc/scangate/scangate.toml), and --json
            where it prints. Exit: 0 done, 1 failed, 2 usage, 3 configuration wrong, 4 daemon not running, 5 unhealthy.

            example: scangate device add scanner-1 --port /dev/serial/by-id/usb-Zebra-if00 --lane table-1

            """
    }

    static func page(_ command: Command) -> String {
        """
        usage: scangate \(command.name) \(command.usage)

        \(command.summary)

        \(command.details)

        """
    }
}

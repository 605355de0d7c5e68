public import JSON
internal import Model
internal import Posix

/// Where a CLI command is carried out: by the daemon where one runs, else here, on the same files, with the same code.
public struct CommandSession: Sendable {
    /// The configuration that the command goes by.
    public let configuration: Configuration

    /// Loads the configuration.
    ///
    /// - Throws: `CommandError`, exit 3, with every mistake.
    public init(configurationAt path: String) throws(CommandError) {
        do { configuration = try Configuration.load(path: path, looksAtFiles: false) } catch {
            throw CommandError(error.description, exit: .configuration)
        }
    }

    /// Whether a command makes sense without a daemon.
    private static let daemonOnly: Set<String> = ["status", "uplink pause", "uplink resume"]

    /// Carries out a command; the result is JSON.
    public func perform(_ request: ControlRequest) async throws(CommandError) -> JSONValue {
        if let result = try ControlClient(path: configuration.gateway.controlSocket).perform(request) { return result }
        guard !Self.daemonOnly.contains(request.command) else { throw notRunning }
        let requester = Requester.current
        let core = try await GatewayCore.open(configuration, clock: .system, patience: .seconds(5))
        await core.intake.connect(Intake.Outputs(log: core.log, scansArrived: { _ in }, maintenance: { _ in }))
        // Unstructured: it ends with finish(), which is waited for.
        let writing = Task { await core.intake.run() }
        let result: Result<[UInt8], CommandError>
        do throws(CommandError) {
            result = .success(try await core.administrator.perform(request, by: requester))
        } catch { result = .failure(error) }
        core.intake.finish()
        await writing.value
        await core.close()
        return try ControlReply.parse(ControlReply.success(try result.get()))
    }

    /// Gives each live event to `event` until it returns false or the daemon ends.
    public func watch(_ event: (JSONValue) -> Bool) throws(CommandError) {
        guard try ControlClient(path: configuration.gateway.controlSocket).stream(ControlRequest("watch"), line: event)
        else { throw notRunning }
    }

    private var notRunning: CommandError {
        CommandError(
            "no daemon listens at \(configuration.gateway.controlSocket)",
            hint: "start it: systemctl start scangate; its log: journalctl -u scangate", exit: .daemonNotRunning)
    }
}

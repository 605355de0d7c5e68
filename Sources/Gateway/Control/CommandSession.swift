public import JSON
internal import Model
internal import Posix

/// Where a CLI command is carried out: by the daemon where one runs, else here, on the same files, with the same code.
public struct CommandSession: Sendable {
    private let loaded: Result<Configuration, CommandError>
    private let socket: String

    /// Loads the configuration.
    ///
    /// Mistakes in it are no error yet where it says which socket the daemon listens at: a daemon that runs goes by
    /// what it has loaded.
    ///
    /// - Throws: `CommandError`, exit 3, with every mistake.
    public init(configurationAt path: String) throws(CommandError) {
        do {
            let configuration = try Configuration.load(path: path, looksAtFiles: false)
            loaded = .success(configuration)
            socket = configuration.gateway.controlSocket
        } catch {
            let mistakes = CommandError(error.description, exit: .configuration)
            guard let named = Configuration.controlSocket(at: path) else { throw mistakes }
            loaded = .failure(mistakes)
            socket = named
        }
    }

    /// The configuration that the command goes by. Throws `CommandError`, exit 3, with every mistake in it.
    public var configuration: Configuration {
        get throws(CommandError) { try loaded.get() }
    }

    /// Whether a command makes sense without a daemon.
    private static let daemonOnly: Set<String> = [
        "status", "uplink pause", "uplink resume", "device trigger", "camera picture",
        "signal list", "signal test",
    ]

    /// Carries out a command; the result is JSON.
    ///
    /// - Throws: `CommandError`; where no daemon runs and the configuration has mistakes, those.
    public func perform(_ request: ControlRequest) async throws(CommandError) -> JSONValue {
        if let result = try ControlClient(path: socket).perform(request) { return result }
        let configuration = try configuration
        guard !Self.daemonOnly.contains(request.command) else { throw notRunning }
        let requester = Requester.current
        let core = try await GatewayCore.open(configuration, clock: .system, patience: .seconds(5))
        await core.intake.connect(
            Intake.Outputs(
                log: core.log, scansArrived: { _ in }, canDeliver: { _ in false }, maintenance: { _ in }))
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

    /// Has the daemon carry out a command, and nobody else: without one nothing is opened or made.
    ///
    /// - Throws: `CommandError`; exit 3 or 4 where no daemon runs.
    public func ask(_ request: ControlRequest) throws(CommandError) -> JSONValue {
        if let result = try ControlClient(path: socket).perform(request) { return result }
        _ = try configuration
        throw notRunning
    }

    /// Gives each live event to `event` until it returns false or the daemon ends.
    public func watch(_ event: (JSONValue) -> Bool) throws(CommandError) {
        guard try !ControlClient(path: socket).stream(ControlRequest("watch"), line: event) else { return }
        _ = try configuration
        throw notRunning
    }

    private var notRunning: CommandError {
        CommandError(
            "no daemon listens at \(socket)",
            hint: "start it: systemctl start scangate; its log: journalctl -u scangate", exit: .daemonNotRunning)
    }
}

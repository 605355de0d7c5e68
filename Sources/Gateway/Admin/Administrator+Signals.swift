internal import Identity
internal import JSON
internal import Model
internal import Posix
internal import Signals
internal import Synchronization

extension Administrator {
    /// How long an output may take to begin a signal.
    private static let patience: Duration = .seconds(3)

    /// The gateway's outputs, and how they do.
    func listSignals() -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.key("signals")
            writeSignals(to: &$0)
        }
        return json.bytes
    }

    func writeSignals(to json: inout JSONWriter) {
        json.array {
            for output in signals.signaller.outputs() {
                let status = output.status
                $0.object {
                    $0.member("name", status.settings.name)
                    $0.member("kind", status.settings.kind.name)
                    $0.key("lanes")
                    $0.array { for lane in status.settings.lanes.sorted() { $0.string(lane.text) } }
                    $0.member("device", status.settings.device)
                    $0.member("state", status.fault != nil ? "fails" : status.isUsed ? "works" : "not used yet")
                    $0.member("given", status.given)
                    $0.member("failed", status.failed)
                    $0.member("dropped", status.dropped)
                    $0.member("fault", status.fault?.message ?? "")
                    $0.member("hint", status.fault?.hint ?? "")
                }
            }
        }
    }

    /// Gives one signal by every output and scanner that the arguments choose, and says of each what came of it.
    func testSignal(_ arguments: CommandArguments) async throws(CommandError) -> [UInt8] {
        guard startedAt != nil else {
            throw CommandError("the daemon does not run", hint: "systemctl start scangate", exit: .daemonNotRunning)
        }
        guard let signal = arguments["signal"].flatMap({ Signal(rawValue: $0) }) else {
            let names = Signal.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError("there is no such signal", hint: "there is: \(names)", exit: .usage)
        }
        var results = try await giveByScanners(signal, arguments)
        // A scanner's own test is about the scanner.
        if arguments["device"] == nil {
            let lane: LaneID? = arguments["lane"] == nil ? nil : try arguments.name(LaneID.self, "lane")
            for output in signals.signaller.outputs(of: lane) {
                let (outcome, text) = await Self.give(signal, by: output, clock)
                results.append(("signal", output.settings.name, output.settings.kind.name, outcome, text))
            }
        }
        var json = JSONWriter()
        json.object {
            $0.member("signal", signal.rawValue)
            $0.member("ok", !results.contains { $0.outcome == "failed" })
            $0.key("results")
            $0.array {
                for result in results {
                    $0.object {
                        $0.member("by", result.by)
                        $0.member("name", result.name)
                        $0.member("kind", result.kind)
                        $0.member("outcome", result.outcome)
                        $0.member("text", result.text)
                    }
                }
            }
        }
        return json.bytes
    }

    private typealias Result = (by: String, name: String, kind: String, outcome: String, text: String)

    private func giveByScanners(_ signal: Signal, _ arguments: CommandArguments) async throws(CommandError) -> [Result]
    {
        var devices: [Device]
        do { devices = try registry.devices() } catch { throw CommandError(wrapping: error) }
        if arguments["device"] != nil {
            let name = try arguments.name(DeviceID.self, "device")
            devices = devices.filter { $0.name == name }
            guard !devices.isEmpty else {
                throw CommandError("there is no device \(name)", hint: "see: scangate device list", exit: .usage)
            }
        }
        if arguments["lane"] != nil {
            let lane = try arguments.name(LaneID.self, "lane")
            guard
                devices.contains(where: { $0.lane == lane })
                    || signals.signaller.outputs().contains(where: { $0.settings.lanes.contains(lane) })
            else {
                throw CommandError(
                    "no scanner and no [[signal]] is of the lane \(lane)", hint: "see: scangate lane list", exit: .usage
                )
            }
            devices = devices.filter { $0.lane == lane }
        }
        let counts = events.devices
        var results: [Result] = []
        for device in devices where device.isEnabled {
            let (outcome, text) =
                switch await scanners?.give(signal, to: device.name) {
                case true?: ("given", "")
                case false? where counts[device.name]?.connected == true:
                    ("cannot be told", "the scanner has no signal for it, or was added without --ack")
                case false?: ("failed", "not connected: \(counts[device.name]?.fault ?? "")")
                case nil: ("cannot be told", "nothing of this kind can be answered")
                }
            results.append(("scanner", device.name.text, device.kind.rawValue, outcome, text))
        }
        return results
    }

    // An output whose device hangs must not hold up the commands.
    private static func give(_ signal: Signal, by output: SignalOutput, _ clock: TimeSource) async -> (String, String) {
        await withCheckedContinuation { continuation in
            let answer = FirstAnswer(continuation)
            output.give(signal) { error in
                answer.take(error.map { ("failed", $0.description) } ?? ("given", ""))
            }
            // Unstructured: it ends by itself.
            Task {
                try? await clock.sleep(patience)
                answer.take(("failed", "no answer for 3 s: its device hangs; unplug it, and plug it in again"))
            }
        }
    }
}

/// A continuation that whoever is first resumes.
private final class FirstAnswer: Sendable {
    private let waiting: Mutex<CheckedContinuation<(String, String), Never>?>

    init(_ continuation: CheckedContinuation<(String, String), Never>) { waiting = Mutex(continuation) }

    func take(_ answer: (String, String)) { waiting.withLock { $0.take() }?.resume(returning: answer) }
}

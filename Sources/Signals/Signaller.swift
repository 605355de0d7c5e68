public import Model
internal import Posix
internal import Synchronization

/// The gateway's own outputs: gives each lane's signals by those that speak for it. At most 64 outputs.
public final class Signaller: Sendable {
    private struct Running {
        let output: SignalOutput
        let task: Task<Void, Never>
    }

    private let running = Mutex<[Running]>([])
    private let make: @Sendable (SignalSettings) -> SignalOutput
    private let patience: Duration

    /// Without outputs; `use` brings them.
    public convenience init(clock: TimeSource) { self.init(patience: .seconds(2)) { SignalOutput($0, clock: clock) } }

    /// - Parameter patience: how long outputs that end may take together to switch off and let go of their devices; by the
    ///   machine's clock, since it is about the machine.
    init(patience: Duration, make: @escaping @Sendable (SignalSettings) -> SignalOutput) {
        self.patience = patience
        self.make = make
    }

    /// Runs these outputs in place of the ones so far; those whose settings are as they were go on undisturbed. One call
    /// after the other.
    ///
    /// Returns when those that ended are off, or after 2 s: one whose device hangs is left to itself.
    public func use(_ settings: [SignalSettings]) async {
        let kept = running.withLock { $0.filter { settings.contains($0.output.settings) } }
        let ended = running.withLock { running in
            defer { running = kept }
            return running.filter { !settings.contains($0.output.settings) }
        }
        // A device is one output's at a time: the old ones let go of theirs first.
        for one in ended { one.output.finish() }
        await leave(ended)
        let new = settings.filter { one in !kept.contains { $0.output.settings == one } }
        let started = new.map { settings in
            let output = make(settings)
            // Unstructured: it ends with `finish`, and is waited for.
            return Running(output: output, task: Task { await output.run() })
        }
        running.withLock { $0 = kept + started }
    }

    /// Ends all outputs; returns when they are switched off, or hang.
    public func stop() async { await use([]) }

    // The end of the daemon and a reload wait for this: a device that hangs must not keep them.
    private func leave(_ ended: [Running]) async {
        guard !ended.isEmpty else { return }
        let farewell = Farewell(ended.map(\.output.settings.name))
        await withCheckedContinuation { continuation in
            farewell.expect(continuation)
            // Unstructured, both: whichever is later ends by itself.
            let timer = Task { [patience] in
                guard (try? await Task.sleep(for: patience)) != nil else { return }
                farewell.giveUp()
            }
            Task {
                for one in ended {
                    await one.task.value
                    farewell.isOff(one.output.settings.name)
                }
                timer.cancel()
            }
        }
    }

    /// Whether there is anything to give signals by.
    public var isSilent: Bool { running.withLock { $0.isEmpty } }

    /// Gives a signal by the lane's outputs. Any thread; returns at once.
    public func give(_ signal: Signal, lane: LaneID) { for output in outputs(of: lane) { output.give(signal) } }

    /// The outputs that speak for a lane, or all.
    public func outputs(of lane: LaneID? = nil) -> [SignalOutput] {
        running.withLock { $0.map(\.output) }.filter { output in lane.map { output.settings.speaks(for: $0) } ?? true }
    }
}

/// Outputs that are to end, and who waits for them.
private final class Farewell: Sendable {
    private struct State {
        var left: [String]
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(_ names: [String]) { state = Mutex(State(left: names)) }

    /// Before the first `isOff`.
    func expect(_ continuation: CheckedContinuation<Void, Never>) { state.withLock { $0.waiting = continuation } }

    func isOff(_ name: String) {
        let done = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.left.removeAll { $0 == name }
            return state.left.isEmpty ? state.waiting.take() : nil
        }
        done?.resume()
    }

    func giveUp() {
        let (left, waiting) = state.withLock { ($0.left, $0.waiting.take()) }
        guard let waiting else { return }
        Log.warning(
            "signal \(left.joined(separator: ", ")): the device hangs and is left as it is; unplug it, and plug it in again"
        )
        waiting.resume()
    }
}

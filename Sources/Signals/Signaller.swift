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
    private let clock: TimeSource

    /// Without outputs; `use` brings them.
    public init(clock: TimeSource) { self.clock = clock }

    /// Runs these outputs in place of the ones so far; those whose settings are as they were go on undisturbed. One call
    /// after the other.
    public func use(_ settings: [SignalSettings]) async {
        let kept = running.withLock { $0.filter { settings.contains($0.output.settings) } }
        let ended = running.withLock { running in
            defer { running = kept }
            return running.filter { !settings.contains($0.output.settings) }
        }
        // A device is one output's at a time: the old ones let go of theirs first.
        for one in ended { one.output.finish() }
        for one in ended { await one.task.value }
        let new = settings.filter { one in !kept.contains { $0.output.settings == one } }
        let started = new.map { settings in
            let output = SignalOutput(settings, clock: clock)
            // Unstructured: it ends with `finish`, and is waited for.
            return Running(output: output, task: Task { await output.run() })
        }
        running.withLock { $0 = kept + started }
    }

    /// Ends all outputs; returns when they are switched off.
    public func stop() async { await use([]) }

    /// Whether there is anything to give signals by.
    public var isSilent: Bool { running.withLock { $0.isEmpty } }

    /// Gives a signal by the lane's outputs. Any thread; returns at once.
    public func give(_ signal: Signal, lane: LaneID) { for output in outputs(of: lane) { output.give(signal) } }

    /// The outputs that speak for a lane, or all.
    public func outputs(of lane: LaneID? = nil) -> [SignalOutput] {
        running.withLock { $0.map(\.output) }.filter { output in lane.map { output.settings.speaks(for: $0) } ?? true }
    }
}

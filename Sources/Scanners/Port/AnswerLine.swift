internal import Glibc
internal import Synchronization

/// The way back to a scanner, for one opening of its node. Any thread.
///
/// The descriptor is taken away under the lock before the port closes it, so that an answer that comes late never
/// reaches another file that got the same number.
final class AnswerLine: Sendable {
    private struct State {
        var descriptor: Int32?
        /// Which answer is under way; a newer one takes its place.
        var generation = 0
    }

    private let state: Mutex<State>
    private let later: @Sendable (_ rest: ArraySlice<Answer.Step>, _ pause: Duration, _ generation: Int) -> Void

    /// - Parameter later: has `resume` called after a pause.
    init(
        _ descriptor: Int32,
        later: @escaping @Sendable (_ rest: ArraySlice<Answer.Step>, _ pause: Duration, _ generation: Int) -> Void
    ) {
        state = Mutex(State(descriptor: descriptor))
        self.later = later
    }

    /// Writes the first step, and has the others written after their pauses; gives up where the scanner is gone or
    /// takes no more.
    func send(_ answer: Answer) {
        guard let first = answer.steps.first else { return }
        // The first step under the same lock: another answer at the same moment takes the place of the rest, never of
        // the acknowledgement that a scanner waits for.
        let generation = state.withLock { state in
            state.generation += 1
            Self.write(first.bytes, to: state)
            return state.generation
        }
        let rest = answer.steps.dropFirst()
        if first.pause > .zero && !rest.isEmpty { return later(rest, first.pause, generation) }
        resume(rest, generation)
    }

    /// Bytes of the protocol itself: they do not end an answer that is under way.
    func send(_ bytes: [UInt8]) { state.withLock { Self.write(bytes, to: $0) } }

    /// Goes on with an answer, unless a newer one has taken its place.
    func resume(_ steps: ArraySlice<Answer.Step>, _ generation: Int) {
        var rest = steps
        while let step = rest.popFirst() {
            let isCurrent = state.withLock { state in
                guard state.generation == generation else { return false }
                Self.write(step.bytes, to: state)
                return true
            }
            guard isCurrent else { return }
            if step.pause > .zero && !rest.isEmpty { return later(rest, step.pause, generation) }
        }
    }

    /// Called before the descriptor is closed.
    func close() { state.withLock { $0.descriptor = nil } }

    private static func write(_ bytes: [UInt8], to state: State) {
        guard let descriptor = state.descriptor, !bytes.isEmpty else { return }
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}

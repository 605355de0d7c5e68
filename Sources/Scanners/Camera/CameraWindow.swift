internal import Synchronization

/// What others see of a camera that is read: its counts, and its latest picture when somebody waits for one. Any thread.
///
/// One a device, over all openings of its node. The camera's thread looks in with each frame; a picture costs it the copy
/// of one frame's luma, and only while somebody waits. Bound: `mostWaiting` wait at once, and share one picture.
public final class CameraWindow: Sendable {
    /// Frames since the daemon's start.
    public struct Counts: Sendable, Equatable {
        /// The camera gave.
        public var frames = 0
        /// Gave way to newer ones, because the decoder was not done: labels may have passed in them.
        public var dropped = 0
        /// Were looked at.
        public var decoded = 0
        /// Came damaged.
        public var unreadable = 0
        /// A decoder was lost with.
        public var poison = 0
        /// Times that a decoder was lost, with a frame or without, and another one started.
        public var decoderRestarts = 0

        /// None.
        public init() {}

        static func - (one: Counts, other: Counts) -> Counts {
            var out = one
            for place in fields { out[keyPath: place] -= other[keyPath: place] }
            return out
        }

        static func + (one: Counts, other: Counts) -> Counts {
            var out = one
            for place in fields { out[keyPath: place] += other[keyPath: place] }
            return out
        }

        private static var fields: [WritableKeyPath<Counts, Int>] {
            [\.frames, \.dropped, \.decoded, \.unreadable, \.poison, \.decoderRestarts]
        }
    }

    /// How a camera does.
    public struct Status: Sendable, Equatable {
        /// Since the daemon's start.
        public var counts = Counts()
        /// Of the last one to two minutes.
        public var recent = Counts()
        /// Frames a second that came in the last second; 0 while none come.
        public var rate = 0.0
        /// What is left out for the moment, because workers were lost.
        public var without: Omission?
    }

    /// Those who may wait for a picture at once.
    public static let mostWaiting = 8

    private struct State {
        var status = Status()
        /// The counts at the beginning of this minute and of the one before.
        var minute: (at: Int64, counts: Counts) = (0, Counts())
        var before = Counts()
        var waiting: [Int: @Sendable (CameraLook.Picture?) -> Void] = [:]
        var lastWaiting = 0
    }

    private let state = Mutex(State())

    /// A camera that gave nothing yet.
    public init() {}

    /// How it does.
    public var status: Status {
        state.withLock { state in
            var status = state.status
            status.recent = status.counts - state.before
            return status
        }
    }

    /// Asks for the camera's next picture.
    ///
    /// - Parameter take: called once, on the camera's thread, or by `giveUp` with nil; returns at once.
    /// - Returns: what `giveUp` takes; nil where too many wait already, and `take` is not called.
    public func look(_ take: @escaping @Sendable (CameraLook.Picture?) -> Void) -> Int? {
        state.withLock { state in
            guard state.waiting.count < Self.mostWaiting else { return nil }
            state.lastWaiting += 1
            state.waiting[state.lastWaiting] = take
            return state.lastWaiting
        }
    }

    /// Lets one wait no longer.
    public func giveUp(_ number: Int) { state.withLock { $0.waiting.removeValue(forKey: number) }?(nil) }

    /// Whether somebody waits for a picture. Asked with each frame by the camera's thread.
    var isWanted: Bool { state.withLock { !$0.waiting.isEmpty } }

    /// Gives a picture to whoever waits.
    func show(_ picture: CameraLook.Picture) {
        let takers = state.withLock { state in
            defer { state.waiting = [:] }
            return state.waiting.values.map { $0 }
        }
        for take in takers { take(picture) }
    }

    /// Adds what has happened since the last call.
    ///
    /// - Parameter now: microseconds of uptime.
    func note(_ more: Counts, rate: Double, without: Omission?, at now: Int64) {
        state.withLock { state in
            if now - state.minute.at >= 60_000_000 {
                state.before = state.minute.counts
                state.minute = (now, state.status.counts)
            }
            state.status.counts = state.status.counts + more
            (state.status.rate, state.status.without) = (rate, without)
        }
    }
}

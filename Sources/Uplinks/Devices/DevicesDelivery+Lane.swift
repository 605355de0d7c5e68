internal import Model

extension DevicesDelivery {
    /// What a lane is at.
    enum Phase: Equatable {
        case idle
        /// In the queue.
        case ready
        case running(way: Int)
        /// `forUplink`: because its uplink failed; another way, or its recovery, ends that.
        case sleeping(untilNs: Int64, forUplink: Bool = false)
        /// Idle, but scans were refused alone and nothing has passed since: they are asked about again then.
        case resting(untilNs: Int64)

        /// Whether new scans go at once.
        var isIdle: Bool {
            switch self {
            case .idle, .resting: true
            case .ready, .running, .sleeping: false
            }
        }

        /// When it goes on by itself.
        var untilNs: Int64? {
            switch self {
            case .sleeping(let until, _), .resting(let until): until
            case .idle, .ready, .running: nil
            }
        }
    }

    /// A lane, and what is known of its scans in the log.
    struct Lane {
        var machine = DevicesLane()
        var phase = Phase.idle
        /// Scans came since the last read of the log.
        var arrived = false
        /// The last read may have left scans in the log.
        var mayHaveMore = false
        /// Works off what came while nothing could be sent: other lanes' new scans go first.
        var isBehind = false
        /// Since when the batch under way takes of its way's share for backlogs; nil where it does not.
        var takesShareSinceNs: Int64?
        /// The share's stage when it was read; nil where it was made before, whatever the share was then.
        var stage: Int?
        /// What was refused alone is to be asked about again with the next read of the log.
        var asksRefused = false

        var isRunning: Bool { if case .running = phase { true } else { false } }
    }
}

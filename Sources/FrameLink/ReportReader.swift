/// Puts a worker's messages together, and takes nothing that was not asked for: the daemon's side of the talk.
///
/// A worker that has been taken over can claim codes, and nothing else: whatever does not answer the order that is open
/// is rubbish, after which it is not listened to any more.
public struct ReportReader: Sendable {
    /// What an order, or the start, has led to.
    public enum Answer: Sendable, Equatable {
        /// The worker waits for its first order.
        case ready
        /// It cannot work, and why.
        case unfit(String)
        /// A frame, with all of its codes.
        case frame(FrameResult)
        /// The frame that was kept is in the outbox, so many bytes; 0 where none was.
        case kept(Int)
    }

    /// It said what nobody asked for, or what is no message.
    public struct Rubbish: Error, Sendable, Equatable {}

    private enum State: Equatable {
        case starting
        case idle
        case frame(UInt64, wantsPicture: Bool)
        case codes(FrameResult, count: Int)
        case kept
    }

    private var state = State.starting

    /// For a worker that has just been started.
    public init() {}

    /// Whether the worker has an order, or is not ready for its first one yet.
    public var isBusy: Bool { state != .idle }

    /// The frame that the worker has, if any.
    public var frame: UInt64? {
        switch state {
        case .frame(let number, _): number
        case .codes(let result, _): result.number
        default: nil
        }
    }

    /// An order has been sent; only to a worker that is not busy.
    public mutating func sent(_ order: WorkerOrder) {
        precondition(!isBusy, "one order at a time")
        switch order {
        case .frame(let frame): state = .frame(frame.number, wantsPicture: frame.picture != nil)
        case .kept: state = .kept
        }
    }

    /// Takes a message; nil where more belong to the answer.
    public mutating func take(_ message: [UInt8]) throws(Rubbish) -> Answer? {
        guard let report = WorkerReport(message) else { throw Rubbish() }
        switch (state, report) {
        case (.starting, .ready):
            state = .idle
            return .ready
        case (.starting, .unfit(let text)): return .unfit(text)
        case (.frame(let number, let wantsPicture), .frame(let result, let count))
        where result.number == number && (wantsPicture || result.pictureLength == 0):
            state = .codes(result, count: count)
        case (.codes(var result, let count), .code(let code, let index, let number))
        where number == result.number && index == result.codes.count && index < count:
            result.codes.append(code)
            state = .codes(result, count: count)
        case (.frame(let number, _), .unreadable(let about, let fault)) where about == number:
            state = .idle
            var result = FrameResult(number: number)
            (result.isUnreadable, result.fault) = (true, fault)
            return .frame(result)
        case (.kept, .kept(let length)):
            state = .idle
            return .kept(length)
        default: throw Rubbish()
        }
        guard case .codes(let result, let count) = state, result.codes.count == count else { return nil }
        state = .idle
        return .frame(result)
    }
}

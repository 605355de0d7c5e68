internal import Model

/// Something that goes wrong on purpose.
public struct Fault: Sendable, Equatable {
    /// What goes wrong.
    public enum Kind: String, Sendable, CaseIterable {
        /// The answer is held back for `ms`; it goes with any other fault.
        case latency
        /// Nothing is done; an HTML page with the status `status` (default 500) is sent.
        case status
        /// Nothing is done; the rate limit's answer is sent (with `Retry-After` where `retryAfter` is given).
        case rateLimit = "rate_limit"
        /// Nothing is done; 400 with a text that says nothing, as a proxy's.
        case badRequest = "bad_request"
        /// Nothing is done; the connection is closed.
        case close
        /// Everything is done and committed, then the connection is closed without an answer.
        case lost
        /// Everything is done and committed, then the connection is reset after half of the answer.
        case reset
        /// Everything is done and committed; 200 with bytes that nobody understands.
        case garbage
        /// Everything is done and committed; 200 with an HTML page.
        case html
        /// Nothing is done; 202 with no body.
        case later
        /// Nothing is done; 302 to somewhere else.
        case redirect
        /// Web: 500 JSON "Scan failed - please try again", rolled back.
        case scanFailed = "scan_failed"
        /// Web, child: 200 "Database connection error", rolled back. `/health?check_db=true`: 503.
        case databaseError = "database_error"
        /// Web, child: 200 "Error processing scan", rolled back.
        case processingError = "processing_error"
        /// Web: a success names another parent than the one that was meant.
        case wrongParent = "wrong_parent"
        /// Web: the session is gone when the request comes.
        case expire
        /// Devices: each scan is `deferred` for `ms`, nothing is done.
        case deferred
        /// Devices: everything is done; every second result is left out, the first one first.
        case missing
        /// Devices: nothing is done; each scan gets a status that no version of the contract knows. Web: nothing is done; 200
        /// with words that no version has.
        case unknownStatus = "unknown_status"
        /// Devices: everything is done; each scan is named twice with different words.
        case twice
    }

    /// What goes wrong.
    public var kind: Kind
    /// Only for paths that begin so; nil is all (never `/sim/`).
    public var path: String?
    /// Only for requests of that contract: `web`, `devices`; nil is both.
    public var contract: SimulatorSettings.Contract?
    /// For so many requests; nil is until cleared.
    public var count: Int?
    /// The share of requests that it hits, 0 to 1, drawn from a generator with the seed `seed`.
    public var probability: Double
    /// The generator's seed: the same seed hits the same requests.
    public var seed: UInt64
    /// How long, in milliseconds, for `latency` and `deferred`.
    public var ms: Int64
    /// The status code of `status`.
    public var status: Int
    /// The header `Retry-After` of `status` and `rateLimit`, as it is to be sent.
    public var retryAfter: String?

    /// A fault; hits every request of every path until cleared unless told otherwise.
    public init(
        _ kind: Kind, path: String? = nil, contract: SimulatorSettings.Contract? = nil, count: Int? = nil,
        probability: Double = 1, seed: UInt64 = 1, ms: Int64 = 0, status: Int = 500, retryAfter: String? = nil
    ) {
        self.kind = kind
        self.path = path
        self.contract = contract
        self.count = count
        self.probability = probability
        self.seed = seed
        self.ms = ms
        self.status = status
        self.retryAfter = retryAfter
    }
}

/// The faults that are set, and which of them hit a request.
struct FaultPlan {
    private struct Entry {
        let id: Int
        var fault: Fault
        var generator: UInt64
    }

    /// At most this many at a time; more are refused.
    static let limit = 1000
    private var entries: [Entry] = []
    private var nextID = 1

    var all: [(id: Int, fault: Fault)] { entries.map { ($0.id, $0.fault) } }

    mutating func add(_ fault: Fault) -> Int? {
        guard entries.count < Self.limit else { return nil }
        entries.append(Entry(id: nextID, fault: fault, generator: fault.seed))
        nextID += 1
        return nextID - 1
    }

    mutating func remove(_ id: Int?) {
        if let id { entries.removeAll { $0.id == id } } else { entries = [] }
    }

    /// The latency, and the first other fault, that hit this request; what hit counts down.
    mutating func hit(path: String, contract: SimulatorSettings.Contract) -> (latencyMs: Int64, fault: Fault?) {
        var latency: Int64 = 0
        var chosen: Fault?
        for index in entries.indices {
            let fault = entries[index].fault
            guard fault.path.map(path.hasPrefix) ?? true, fault.contract.map({ $0 == contract || $0 == .both }) ?? true,
                fault.count != 0, fault.kind == .latency || chosen == nil
            else { continue }
            if fault.probability < 1, Self.next(&entries[index].generator) >= fault.probability { continue }
            if let count = fault.count { entries[index].fault.count = count - 1 }
            if fault.kind == .latency { latency += fault.ms } else { chosen = fault }
        }
        entries.removeAll { $0.fault.count == 0 }
        return (latency, chosen)
    }

    /// SplitMix64, as a number from 0 up to 1.
    private static func next(_ state: inout UInt64) -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        word ^= word >> 31
        return Double(word >> 11) / Double(1 << 53)
    }
}

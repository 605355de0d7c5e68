internal import JSON
public import Model

/// The reply to a batch: the HTTP body, or the MQTT ack's payload.
public struct BatchReply: Sendable, Equatable {
    /// What the backend said of one scan.
    public struct Result: Sendable, Equatable {
        /// The scan.
        public var id: UUID
        /// `accepted`, `duplicate`, `rejected`, `deferred`, or a word of a later version.
        public var status: String
        /// Why rejected, or empty.
        public var code: String
        /// Why rejected, for people, or empty.
        public var text: String
        /// How long to wait before asking again, or nil.
        public var retryAfterMs: Int64?
        /// What to show the operator, or empty.
        public var feedbackText: String
        /// The bag's count, or nil.
        public var childCount: Int?

        /// A result; the rest is empty.
        public init(
            id: UUID, status: String, code: String = "", text: String = "", retryAfterMs: Int64? = nil,
            feedbackText: String = "", childCount: Int? = nil
        ) {
            self.id = id
            self.status = status
            self.code = code
            self.text = text
            self.retryAfterMs = retryAfterMs
            self.feedbackText = feedbackText
            self.childCount = childCount
        }
    }

    /// Why the backend did not look at the scans: what a relay tells in an ack, in the place of an HTTP answer.
    public struct Refusal: Sendable, Equatable {
        /// The HTTP status: 400, 413, 415 or 422.
        public var status: Int
        /// For people.
        public var text: String

        /// Both.
        public init(status: Int, text: String) {
            self.status = status
            self.text = text
        }
    }

    /// The batch that is answered.
    public var batchID: UUID
    /// The backend's wall clock, 24 characters, or empty.
    public var serverTime: String
    /// In any order; some scans may be missing, some named twice.
    public var results: [Result]
    /// Why the batch as a whole was refused; nil where it was not. Then there are no results.
    public var refusal: Refusal?

    /// A reply.
    public init(batchID: UUID, serverTime: String, results: [Result], refusal: Refusal? = nil) {
        self.batchID = batchID
        self.serverTime = serverTime
        self.results = results
        self.refusal = refusal
    }

    /// The largest reply that is read, decompressed too: 1 MiB.
    public static let maximumBytes = 1 << 20

    /// Reads a reply. A result without a readable id or status is left out: its scan counts as missing.
    public static func parse(_ body: [UInt8]) throws(WireError) -> BatchReply {
        guard body.count <= maximumBytes else { throw WireError("reply", "is over 1 MiB") }
        let value: JSONValue
        do { value = try JSONValue.parse(body) } catch { throw WireError("reply", error.description) }
        guard let batchID = value["batch_id"]?.string.flatMap(UUID.init) else {
            throw WireError("batch_id", "must be a lower-case UUID")
        }
        guard let results = value["results"]?.array else { throw WireError("results", "must be an array") }
        return BatchReply(
            batchID: batchID, serverTime: value["server_time"]?.string ?? "", results: results.compactMap(result),
            refusal: value["error"].flatMap(refusal))
    }

    /// The reply's bytes.
    public func encode() -> [UInt8] {
        var json = JSONWriter(reserving: 128 + results.count * 96)
        json.object {
            $0.member("v", 1)
            $0.member("batch_id", batchID.description)
            $0.member("server_time", serverTime)
            $0.key("results")
            $0.array { for result in results { Self.write(result, to: &$0) } }
            guard let refusal else { return }
            $0.key("error")
            $0.object {
                $0.member("status", refusal.status)
                $0.member("text", refusal.text)
            }
        }
        return json.bytes
    }

    private static func refusal(_ value: JSONValue) -> Refusal? {
        value["status"]?.integer.flatMap { Int(exactly: $0) }.map {
            Refusal(status: $0, text: value["text"]?.string ?? "")
        }
    }

    private static func result(_ value: JSONValue) -> Result? {
        guard let members = value.object else { return nil }
        var result = Result(id: UUID(high: 0, low: 0), status: "")
        var hasID = false
        // One pass over the members: a batch of 250 results is read a few hundred times a second.
        for (key, value) in members {
            switch key {
            case "id":
                guard let id = value.string.flatMap(UUID.init) else { return nil }
                result.id = id
                hasID = true
            case "status": result.status = value.string ?? ""
            case "code": result.code = value.string ?? ""
            case "text": result.text = value.string ?? ""
            case "retry_after_ms": result.retryAfterMs = value.integer.flatMap { $0 >= 0 ? $0 : nil }
            case "feedback":
                result.feedbackText = value["text"]?.string ?? ""
                result.childCount = value["child_count"]?.integer.flatMap { Int(exactly: $0) }
            default: break
            }
        }
        return hasID && !result.status.isEmpty ? result : nil
    }

    private static func write(_ result: Result, to json: inout JSONWriter) {
        json.object {
            $0.member("id", result.id.description)
            $0.member("status", result.status)
            if !result.code.isEmpty { $0.member("code", result.code) }
            if !result.text.isEmpty { $0.member("text", result.text) }
            if let after = result.retryAfterMs { $0.member("retry_after_ms", after) }
            guard !result.feedbackText.isEmpty || result.childCount != nil else { return }
            $0.key("feedback")
            $0.object {
                $0.member("text", result.feedbackText)
                if let count = result.childCount { $0.member("child_count", count) }
            }
        }
    }
}

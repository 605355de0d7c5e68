internal import Crypto
internal import Model

/// The relays that live, and which of them handles a gateway. A state machine; times are uptimes in ns.
///
/// Under tracetrack-web the lanes of a gateway must not be posted by two sessions at once for long, so each gateway has
/// one relay: the one with the highest hash over both names (rendezvous hashing), which every relay finds by itself.
/// A relay that comes or goes moves its own share of the gateways and no others.
///
/// Each relay says every 10 s that it is there, retained, and at once where it hears of one that it does not know, for
/// brokers that keep nothing for wildcards (AWS IoT Core). It is gone when its last will or its own word says so, or
/// when it has not been heard of for 30 s. Two relays that see each other differently may both post a gateway's scans
/// for that long: a few scan rows more, and no cross-link, since each session posts a child only behind its own parent.
struct RelayMembers {
    static let beat: Duration = .seconds(10)
    static let gone: Duration = .seconds(30)
    /// What a broker has kept may be years old; who lives says so again within this time.
    static let keptFor: Duration = .seconds(5)
    /// More than anybody runs: names beyond that are not kept.
    static let limit = 256

    let own: String
    private var heard: [String: Int64] = [:]

    init(own: String) { self.own = own }

    /// A relay says that it is there, or the broker has kept that it did; true where it is new.
    mutating func hear(_ id: String, isKept: Bool, nowNs: Int64) -> Bool {
        let oldest = nowNs - Self.gone.nanoseconds
        heard = heard.filter { $0.value >= oldest }
        guard id != own, heard[id] != nil || heard.count < Self.limit else { return false }
        let at = isKept ? max(heard[id] ?? .min, oldest + Self.keptFor.nanoseconds) : nowNs
        return heard.updateValue(at, forKey: id) == nil
    }

    /// A relay is gone.
    mutating func forget(_ id: String) { heard[id] = nil }

    /// Whether this relay handles the gateway.
    func handles(_ gateway: GatewayID, nowNs: Int64) -> Bool {
        let mine = Self.weight(own, gateway)
        return !heard.contains { id, at in
            guard nowNs - at <= Self.gone.nanoseconds else { return false }
            let other = Self.weight(id, gateway)
            return other > mine || (other == mine && id > own)
        }
    }

    /// The relays that live, this one too.
    func count(nowNs: Int64) -> Int { 1 + heard.values.count { nowNs - $0 <= Self.gone.nanoseconds } }

    private static func weight(_ id: String, _ gateway: GatewayID) -> UInt64 {
        SHA256.digest(Array("\(id)\n\(gateway)".utf8)).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}

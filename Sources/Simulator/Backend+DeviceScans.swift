internal import Crypto
internal import Database
internal import Model
internal import Wire

/// Contract `tracetrack-devices`: each scan of a batch.
extension Backend {
    /// The results in the order of the batch. A scan whose id cannot be read gets none: nobody could be told.
    func judge(_ batch: ReceivedBatch, fault: Fault?) throws -> [BatchReply.Result] {
        var results: [BatchReply.Result] = []
        results.reserveCapacity(batch.scans.count)
        for (index, (idText, received)) in batch.scans.enumerated() {
            guard let id = UUID(idText) else {
                judged("devices", "rejected", "\(batch.gateway): a scan without a readable id: malformed")
                continue
            }
            switch fault?.kind {
            case .deferred:
                store.count("deferred")
                results.append(.init(id: id, status: "deferred", retryAfterMs: fault?.ms ?? 0))
                continue
            case .unknownStatus:
                results.append(.init(id: id, status: "perhaps"))
                continue
            default: break
            }
            let result = try judge(id, received)
            if fault?.kind == .missing, index.isMultiple(of: 2) { continue }
            results.append(result)
            if fault?.kind == .twice { results.append(.init(id: id, status: "rejected", code: "business_rule")) }
        }
        return results
    }

    private func judge(_ id: UUID, _ received: Result<ReceivedScan, WireError>) throws -> BatchReply.Result {
        let scan: ReceivedScan
        switch received {
        case .success(let good): scan = good
        case .failure(let error): return rejected(id, "malformed", error.description, nil)
        }
        let fields = scan.fields
        if let (code, text) = try identityTrouble(scan) { return rejected(id, code, text, fields) }
        if let known = try known(scan) {
            guard known else {
                return rejected(id, "seq_conflict", "this id or number belongs to another scan", fields)
            }
            judged("devices", "duplicate", describe(fields))
            return BatchReply.Result(id: id, status: "duplicate")
        }
        return try apply(id, scan)
    }

    /// What is wrong with the device, its key or its signature, or nil.
    private func identityTrouble(_ scan: ReceivedScan) throws -> (code: String, text: String)? {
        let fields = scan.fields
        let key = try deviceKey(fields.kid)
        guard let key, key.gateway == fields.gateway, key.dev == fields.dev else {
            return ("unknown_device", "no such key is registered for this device")
        }
        // The algorithm is the registry's, never the message's.
        guard key.hasSigned(scan) else { return ("bad_signature", "the signature is not that of the device's key") }
        switch key.state {
        case "revoked": return ("revoked_key", "the key was revoked")
        case "disabled": return ("not_permitted", "the device may not scan")
        default: return nil
        }
    }

    /// The registry's entry, kept in memory until the registry changes.
    private func deviceKey(_ kid: String) throws -> RegisteredKey? {
        if let known = registry[kid] { return known }
        let key = try store.connection.first(
            "SELECT gateway, dev, alg, key, state FROM device_key WHERE kid = ?", .text(kid), row: RegisteredKey.init)
        registry[kid] = key ?? nil
        return key ?? nil
    }

    /// True where this very scan is stored, false where its id or number is another scan's, nil where it is new.
    private func known(_ scan: ReceivedScan) throws -> Bool? {
        let fields = scan.fields
        let byID = try bags.place(id: fields.id)
        let bySeq = try bags.place(gateway: fields.gateway, dev: fields.dev, log: fields.log, seq: fields.seq)
        guard byID != nil || bySeq != nil else { return nil }
        return byID?.n == bySeq && byID?.signature == scan.signature
    }

    private func apply(_ id: UUID, _ scan: ReceivedScan) throws -> BatchReply.Result {
        let fields = scan.fields
        let label = label(scan.data)
        switch (fields.action, fields.role) {
        case ("scan", "parent"): return try applyParent(id, scan, label)
        case ("scan", "child"): return try applyChild(id, scan, label)
        case ("unlink", _):
            guard try bags.parent(ofChild: label) == fields.parent else {
                return rejected(id, "business_rule", "\(label) is not linked to \(fields.parent)", fields)
            }
            try bags.unlink(label)
            store.count("unlinked")
        default: break
        }
        try insert(scan, label)
        return accepted(id, fields, text: "", count: nil)
    }

    private func applyParent(_ id: UUID, _ scan: ReceivedScan, _ label: String) throws -> BatchReply.Result {
        guard isBagLabel(label) else {
            return rejected(id, "business_rule", "a parent bag is SB and 5 digits", scan.fields)
        }
        guard try bags.role(label) != .child else {
            return rejected(id, "business_rule", "\(label) is a child bag, not a parent bag", scan.fields)
        }
        try bags.add(label, .parent)
        try insert(scan, label)
        return accepted(id, scan.fields, text: label, count: try bags.childCount(label))
    }

    /// Links to the parent that the scan itself was signed with, whatever came before it.
    private func applyChild(_ id: UUID, _ scan: ReceivedScan, _ label: String) throws -> BatchReply.Result {
        let fields = scan.fields
        guard !fields.parent.isEmpty else { return rejected(id, "business_rule", "the child has no parent", fields) }
        switch try bags.role(fields.parent) {
        case .parent: break
        case .child:
            return rejected(id, "business_rule", "\(fields.parent) is a child bag, not a parent bag", fields)
        case nil: return rejected(id, "unknown_parent", "\(fields.parent) has not been scanned yet", fields)
        }
        guard try bags.role(label) != .parent else {
            return rejected(id, "business_rule", "\(label) is already a parent bag", fields)
        }
        if let linked = try bags.parent(ofChild: label) {
            guard linked == fields.parent else {
                return rejected(id, "business_rule", "\(label) is already linked to parent bag \(linked)", fields)
            }
            judged("devices", "duplicate", describe(fields))
            return BatchReply.Result(id: id, status: "duplicate")
        }
        let count = try bags.childCount(fields.parent)
        guard count < settings.childrenPerParent else {
            return rejected(id, "business_rule", "Parent bag is full", fields)
        }
        let n = try insert(scan, label)
        try bags.link(label, to: fields.parent, scan: n)
        return accepted(id, fields, text: fields.parent, count: count + 1)
    }

    @discardableResult
    private func insert(_ scan: ReceivedScan, _ label: String) throws -> Int64 {
        let fields = scan.fields
        try noteOrder(fields)
        return try bags.insert(
            ScanRow(
                contract: "devices", atMs: store.nowMs, action: fields.action, role: fields.role, label: label,
                parent: fields.parent, gateway: fields.gateway, dev: fields.dev, lane: fields.lane, log: fields.log,
                seq: fields.seq, laneSeq: fields.laneSeq, id: fields.id, signature: scan.signature))
    }

    /// Counts a lane's scan that comes after one captured later: one with a lower number of the same log, or one of a log
    /// that the lane had left. Each start of a gateway has a log of its own; a lane's follow one another.
    private func noteOrder(_ fields: ScanFields) throws {
        let place = "\(fields.gateway)\n\(fields.lane)"
        let current = try laneOrder[place] ?? lastOfLane(fields)
        let isLate =
            try current?.log == fields.log ? fields.laneSeq <= current?.laneSeq ?? -1 : laneSeq(fields) != nil
        guard !isLate else { return store.count("order_broken") }
        laneOrder[place] = (fields.log, fields.laneSeq)
        try store.connection.run(
            "INSERT OR REPLACE INTO lane_order(gateway, lane, log, lane_seq) VALUES(?, ?, ?, ?)",
            .text(fields.gateway), .text(fields.lane), .text(fields.log), .integer(fields.laneSeq))
    }

    /// The highest number that the lane had in the scan's log; nil where it had none.
    private func laneSeq(_ fields: ScanFields) throws -> Int64? {
        try store.connection.first(
            "SELECT lane_seq FROM lane_order WHERE gateway = ? AND lane = ? AND log = ?", .text(fields.gateway),
            .text(fields.lane), .text(fields.log)
        ) { $0.integer(0) }
    }

    /// What a backend that has just started knows of a lane's order.
    private func lastOfLane(_ fields: ScanFields) throws -> (log: String, laneSeq: Int64)? {
        try store.connection.first(
            "SELECT o.log, o.lane_seq FROM lane_order o JOIN scan s ON s.gateway = o.gateway AND s.lane = o.lane"
                + " AND s.log = o.log WHERE o.gateway = ? AND o.lane = ? ORDER BY s.n DESC LIMIT 1",
            .text(fields.gateway), .text(fields.lane)
        ) { ($0.text(0), $0.integer(1)) }
    }

    private func accepted(_ id: UUID, _ fields: ScanFields, text: String, count: Int?) -> BatchReply.Result {
        judged("devices", "accepted", describe(fields))
        return BatchReply.Result(
            id: id, status: "accepted",
            feedbackText: count.map { "\(text) \($0)/\(settings.childrenPerParent)" } ?? text, childCount: count)
    }

    private func rejected(_ id: UUID, _ code: String, _ text: String, _ fields: ScanFields?) -> BatchReply.Result {
        store.count("code_\(code)")
        judged("devices", "rejected", "\(code) \(fields.map(describe) ?? id.description): \(text)")
        return BatchReply.Result(id: id, status: "rejected", code: code, text: text)
    }

    private func describe(_ fields: ScanFields) -> String {
        "\(fields.gateway)/\(fields.dev) \(fields.lane) \(fields.laneSeq) \(fields.action) \(fields.role) "
            + "\(label(fields.data)) in \(fields.parent.isEmpty ? "-" : fields.parent)"
    }

    /// The label as the backend keeps it; bytes that are no text under a name of their own.
    private func label(_ data: [UInt8]) -> String {
        guard !data.contains(0), let text = String(validating: data, as: UTF8.self) else {
            return "b64:" + Base64URL.encode(data)
        }
        return text
    }
}

/// A device's key, ready to verify with.
final class RegisteredKey {
    enum Secret {
        case hs256(HMACKey)
        case ed25519(Ed25519PublicKey)
    }

    let gateway: String
    let dev: String
    let secret: Secret
    let state: String

    /// Whether the scan's signature is this key's.
    func hasSigned(_ scan: ReceivedScan) -> Bool {
        switch secret {
        case .hs256(let key): key.isValid(scan.signature, for: scan.signingText(algorithm: .hs256))
        case .ed25519(let key): key.isValid(scan.signature, for: scan.signingText(algorithm: .ed25519))
        }
    }

    /// Nil where the row holds no key that could verify anything.
    init?(_ row: Statement) {
        gateway = row.text(0)
        dev = row.text(1)
        switch SignatureAlgorithm(rawValue: row.text(2)) {
        case .hs256: secret = .hs256(HMACKey(row.blob(3)))
        case .ed25519:
            guard let key = Ed25519PublicKey(row.blob(3)) else { return nil }
            secret = .ed25519(key)
        case nil: return nil
        }
        state = row.text(4)
    }
}

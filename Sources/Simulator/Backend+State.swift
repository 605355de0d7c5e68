internal import Crypto
internal import Database
public import JSON
public import Model

/// A device's key as the backend's registry holds it.
public struct DeviceKey: Sendable {
    /// The gateway that the device belongs to.
    public var gateway: String
    /// The device's name.
    public var name: String
    /// The key's id: the first 16 hex digits of SHA-256("scangate kid v1" LF key).
    public var kid: String
    /// How the device signs.
    public var algorithm: SignatureAlgorithm
    /// hs256: the 32 secret bytes. ed25519: the 32 bytes of the public key.
    public var key: [UInt8]

    /// A key; its id is worked out.
    public init(gateway: String, name: String, algorithm: SignatureAlgorithm = .hs256, key: [UInt8]) {
        self.gateway = gateway
        self.name = name
        self.algorithm = algorithm
        self.key = key
        kid = Self.id(of: key)
    }

    /// The id of a key.
    public static func id(of key: [UInt8]) -> String {
        String(Hex.encode(SHA256.digest(Array("scangate kid v1\n".utf8) + key)).prefix(16))
    }

    /// Reads one line of `scangate device export --json`.
    ///
    /// - Throws: `SimulatorError` where a member is missing or wrong, or `kid` is not the id of `key`.
    public init(json value: JSONValue) throws {
        func text(_ name: String) throws -> String {
            guard let text = value[name]?.string, !text.isEmpty else {
                throw SimulatorError("a device key needs \"\(name)\", a string")
            }
            return text
        }
        let algorithm = value["alg"].map { $0.string.flatMap(SignatureAlgorithm.init) } ?? .hs256
        guard let algorithm else { throw SimulatorError("\"alg\" must be hs256 or ed25519") }
        guard let key = Base64URL.decode(try text("key")), key.count == 32 else {
            throw SimulatorError("\"key\" must be 32 bytes in base64url without padding")
        }
        self.init(gateway: try text("gateway"), name: try text("name"), algorithm: algorithm, key: key)
        if let given = value["kid"]?.string, given != kid {
            throw SimulatorError("\"kid\" \(Safe.text(given)) is not the id of the key, which is \(kid)")
        }
    }
}

/// One child in one bag, with the scan that put it there.
public struct Link: Sendable, Equatable {
    /// The child's label.
    public let child: String
    /// The bag's label.
    public let parent: String
    /// The scan that linked them.
    public let scan: ScanRow
}

/// What tests and the control URL change and read.
extension Backend {
    func addAccount(_ username: String, password: String) throws {
        try store.connection.run(
            "INSERT OR REPLACE INTO account(username, password) VALUES(?, ?)", .text(username), .text(password))
    }

    func addDeviceKey(_ key: DeviceKey) throws {
        registry = [:]
        try store.connection.run(
            "INSERT OR REPLACE INTO device_key(kid, gateway, dev, alg, key, state) VALUES(?, ?, ?, ?, ?, 'active')",
            .text(key.kid), .text(key.gateway), .text(key.name), .text(key.algorithm.rawValue), .blob(key.key))
    }

    /// Sets a key's state: `active`, `disabled` or `revoked`; false where there is no such key.
    func setDeviceKey(kid: String, state: String) throws -> Bool {
        registry = [:]
        try store.connection.run("UPDATE device_key SET state = ? WHERE kid = ?", .text(state), .text(kid))
        return store.connection.changes > 0
    }

    /// Registers a gateway's key; returns its `keyid`.
    func addGatewayKey(gateway: String, key: [UInt8]) throws -> String {
        let keyID = "\(gateway):\(DeviceKey.id(of: key))"
        try store.connection.run(
            "INSERT OR REPLACE INTO gateway_key(keyid, gateway, key) VALUES(?, ?, ?)", .text(keyID), .text(gateway),
            .blob(key))
        return keyID
    }

    func addBearer(gateway: String, token: String) throws {
        try store.connection.run(
            "INSERT OR REPLACE INTO bearer(token, gateway) VALUES(?, ?)", .text(token), .text(gateway))
    }

    func links(parent: String? = nil) throws -> [Link] {
        try store.connection.rows(
            """
            SELECT link.child, link.parent, scan.n, scan.contract, scan.at_ms, scan.action, scan.role, scan.label,
                scan.parent, scan.gateway, scan.dev, scan.lane, scan.log, scan.seq, scan.lane_seq, scan.id,
                scan.username, scan.sig
            FROM link JOIN scan ON scan.n = link.scan WHERE link.parent = ?1 OR ?1 = '' ORDER BY link.scan
            """, .text(parent ?? "")
        ) { row in
            Link(
                child: row.text(0), parent: row.text(1),
                scan: ScanRow(
                    n: row.integer(2), contract: row.text(3), atMs: row.integer(4), action: row.text(5),
                    role: row.text(6), label: row.text(7), parent: row.text(8), gateway: row.text(9),
                    dev: row.text(10), lane: row.text(11), log: row.text(12), seq: row.integer(13),
                    laneSeq: row.integer(14), id: row.text(15), username: row.text(16), signature: row.blob(17)))
        }
    }

    /// How often each scan was accepted, by its id (web: `X-Request-ID`); scans without one are left out.
    func acceptances() throws -> [String: Int] {
        let rows = try store.connection.rows("SELECT id, count(*) FROM scan WHERE id <> '' GROUP BY id") {
            ($0.text(0), Int($0.integer(1)))
        }
        return Dictionary(rows) { first, _ in first }
    }

    /// The counters, and what is counted when asked.
    func state() throws -> [String: Int64] {
        var all = store.allCounters
        for (name, sql) in [
            ("scan_rows", "SELECT count(*) FROM scan"), ("links", "SELECT count(*) FROM link"),
            ("parents", "SELECT count(*) FROM bag WHERE role = 'parent'"),
            (
                "accepted_twice",
                "SELECT count(*) FROM (SELECT 1 FROM scan WHERE id <> '' GROUP BY id HAVING count(*) > 1)"
            ),
            // A link that is not that of its scan's own parent: no code path makes one, and this proves it.
            (
                "wrong_parent",
                "SELECT count(*) FROM link JOIN scan ON scan.n = link.scan WHERE scan.parent <> link.parent"
            ),
        ] {
            all[name] = try store.connection.first(sql) { $0.integer(0) } ?? 0
        }
        for name in ["accepted", "duplicate", "rejected", "requests", "logins", "order_broken"] where all[name] == nil {
            all[name] = 0
        }
        return all
    }
}

internal import Crypto
internal import Database
internal import Glibc
internal import JSON
public import Model
internal import Posix

/// The gateway's devices, their sealed keys, and the audit log of what was changed: `identity.db` in the state
/// directory.
///
/// Confined to its owner. Every change is one transaction with its audit row. Symmetric keys leave only through
/// `add`, `rotateKey` (shown once) and `openKeys` (for signing, and for an export that the caller has to permit).
public final class Registry {
    /// Who asks, for the audit log: "maria (uid 1000), pid 4711".
    public typealias Actor = String

    private let connection: Connection
    private let sealingKey: SealingKey
    private let clock: TimeSource
    /// Who changed what.
    public let audit: AuditLog

    /// Opens the registry, or makes it.
    ///
    /// - Parameter sealingKeyFile: `[keys] sealing_key_file`, or nil for the state directory's own.
    /// - Throws: `IdentityError`; `Migrations.NewerSchema` for a file of a later version.
    public init(stateDirectory: String, sealingKeyFile: String?, clock: TimeSource) throws {
        self.clock = clock
        let path = stateDirectory + "/identity.db"
        if Files.status(path) != nil, let fault = Files.secretFault(path) { throw IdentityError(.storage, fault) }
        try IdentitySchema.migrations.refuseNewer(path)
        do {
            connection = try Connection(path: path)
            chmod(path, 0o600)
            try connection.execute("PRAGMA journal_mode = WAL")
            try connection.execute("PRAGMA synchronous = FULL")
            try IdentitySchema.migrations.apply(to: connection)
            let hasKeys = try connection.first("SELECT 1 FROM device_key") { _ in true } ?? false
            sealingKey = try SealingKeyFile.load(
                configured: sealingKeyFile, stateDirectory: stateDirectory, hasKeystore: hasKeys)
            audit = AuditLog(connection, key: sealingKey.derive(info: "scangate audit v1"))
            // Only while there is nothing to protect yet: later, an end that is missing was taken away.
            if try !hasKeys && audit.latest(1).isEmpty { try audit.begin() }
        } catch let error as DatabaseError {
            throw Self.storage(error)
        }
        // A wrong sealing key is found now, not at the first scan.
        for device in try devices() { _ = try openKeys(of: device.name) }
    }

    /// Ends the use of the file.
    public func close() { connection.close() }

    /// The gateway's name: as configured, else the one kept since the first start, else the host's.
    public func gatewayName(configured: GatewayID?) throws(IdentityError) -> GatewayID {
        if let configured { return configured }
        do {
            if let kept = try connection.first("SELECT value FROM meta WHERE key = 'gateway'", row: { $0.text(0) }),
                let name = GatewayID(kept)
            {
                return name
            }
            var host = [CChar](repeating: 0, count: 256)
            gethostname(&host, host.count - 1)
            let text = String(decoding: host.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard let name = GatewayID(String(text.prefix(63))) else {
                throw IdentityError(
                    .storage, "the host name \"\(Safe.text(text))\" cannot be the gateway's name",
                    hint: "write [gateway] id = \"dock-7\" (\(GatewayID.rule))")
            }
            try connection.run("INSERT INTO meta VALUES ('gateway', ?)", .text(name.text))
            return name
        } catch let error as DatabaseError { throw Self.storage(error) } catch let error as IdentityError {
            throw error
        } catch {
            throw IdentityError(.storage, String(describing: error))
        }
    }

    /// Every device, by name.
    public func devices() throws(IdentityError) -> [Device] {
        try storage {
            try connection.rows(
                """
                SELECT d.name, d.kind, d.lane, d.roles, d.enabled, d.options, d.added_ms, k.kid, k.alg
                FROM device d JOIN device_key k ON k.device = d.name AND k.state = 'current' ORDER BY d.name
                """, row: Self.device
            ).compactMap { $0 }
        }
    }

    /// One device. Throws `unknown`, naming the nearest one.
    public func device(_ name: DeviceID) throws(IdentityError) -> Device {
        let all = try devices()
        guard let found = all.first(where: { $0.name == name }) else {
            throw IdentityError(
                .unknown, "there is no device \(name)",
                hint: all.isEmpty ? "add one: scangate device add \(name) --port PATH" : "see: scangate device list")
        }
        return found
    }

    /// Adds a device with a new 32-byte key, enabled.
    ///
    /// - Returns: the device, and its key to be shown once; the caller wipes it.
    public func add(
        _ name: DeviceID, kind: Device.Kind, lane: LaneID, roles: Set<ScanRole>, options: [String: String],
        by actor: Actor
    ) throws(IdentityError) -> (device: Device, key: [UInt8]) {
        guard try !devices().contains(where: { $0.name == name }) else {
            throw IdentityError(
                .exists, "there is a device \(name) already",
                hint: "choose another name, or: scangate device remove \(name)")
        }
        let key = SecretBytes.random(32)
        try storage {
            try connection.transaction {
                try connection.run(
                    "INSERT INTO device VALUES (?, ?, ?, ?, 1, ?, ?)", .text(name.text), .text(kind.rawValue),
                    .text(lane.text), .text(roles.map(\.rawValue).sorted().joined(separator: ",")),
                    .text(Self.encode(options)), .integer(clock.now().wallMs))
                try store(key, of: name)
                try note(actor, "device add", name.text, "kind=\(kind.rawValue) lane=\(lane) \(Self.encode(options))")
            }
        }
        return (try device(name), key)
    }

    /// Takes scans of the device again, or takes no more of them.
    public func setEnabled(_ name: DeviceID, _ isEnabled: Bool, by actor: Actor) throws(IdentityError) {
        _ = try device(name)
        try storage {
            try connection.transaction {
                try connection.run(
                    "UPDATE device SET enabled = ? WHERE name = ?", .integer(isEnabled ? 1 : 0), .text(name.text))
                try note(actor, isEnabled ? "device enable" : "device disable", name.text, "")
            }
        }
    }

    /// Forgets a device and its keys. Its scans stay; the backend still needs its key for those that wait.
    public func remove(_ name: DeviceID, by actor: Actor) throws(IdentityError) {
        let removed = try device(name)
        try storage {
            try connection.transaction {
                try connection.run("DELETE FROM device WHERE name = ?", .text(name.text))
                try connection.run("DELETE FROM device_key WHERE device = ?", .text(name.text))
                try note(actor, "device remove", name.text, "kid=\(removed.kid)")
            }
        }
    }

    /// Gives a device a new key for new scans; the old one stays as `previous`, for scans that still wait.
    ///
    /// - Returns: the device, and its key to be shown once; the caller wipes it.
    public func rotateKey(_ name: DeviceID, by actor: Actor) throws(IdentityError) -> (device: Device, key: [UInt8]) {
        let old = try device(name)
        let key = SecretBytes.random(32)
        try storage {
            try connection.transaction {
                try connection.run("DELETE FROM device_key WHERE device = ? AND state = 'previous'", .text(name.text))
                try connection.run("UPDATE device_key SET state = 'previous' WHERE device = ?", .text(name.text))
                try store(key, of: name)
                try note(actor, "device rotate-key", name.text, "kid=\(DeviceKey.identify(key)) was=\(old.kid)")
            }
        }
        return (try device(name), key)
    }

    /// A device's keys, opened, the current one first.
    ///
    /// - Throws: `sealing` where the sealing key is not the one they were sealed with.
    public func openKeys(of name: DeviceID) throws(IdentityError) -> [DeviceKey] {
        let rows = try storage {
            try connection.rows(
                "SELECT kid, alg, sealed, state FROM device_key WHERE device = ? ORDER BY state", .text(name.text)
            ) { ($0.text(0), $0.text(1), $0.blob(2), $0.text(3)) }
        }
        var keys: [DeviceKey] = []
        for (kidText, alg, sealed, stateText) in rows {
            guard let kid = KeyID(kidText), let algorithm = SignatureAlgorithm(rawValue: alg),
                let state = DeviceKey.State(rawValue: stateText)
            else { throw IdentityError(.storage, "identity.db: the key of \(name) is not readable") }
            do {
                var bytes = try sealingKey.open(sealed, context: Self.context(name, kid))
                defer { SecretBytes.wipe(&bytes) }
                keys.append(DeviceKey(kid: kid, algorithm: algorithm, key: HMACKey(bytes), state: state))
            } catch {
                throw IdentityError(
                    .sealing, "the key of \(name) does not open with this sealing key",
                    hint: "put back the sealing key that belongs to this state directory")
            }
        }
        return keys
    }

    /// Seals what is kept beside the registry; `context` says what it is.
    public func seal(_ bytes: [UInt8], context: String) -> [UInt8] { sealingKey.seal(bytes, context: context) }

    /// Opens what `seal` made with the same sealing key and context.
    public func open(_ sealed: [UInt8], context: String) throws(IdentityError) -> [UInt8] {
        do { return try sealingKey.open(sealed, context: context) } catch {
            throw IdentityError(.sealing, error.description)
        }
    }

    /// Writes a row of the audit log for a change that is kept elsewhere.
    public func note(_ action: String, subject: String, detail: String, by actor: Actor) throws(IdentityError) {
        try storage { try connection.transaction { try note(actor, action, subject, detail) } }
    }

    private func note(_ actor: Actor, _ action: String, _ subject: String, _ detail: String) throws(DatabaseError) {
        try audit.append(at: clock.now().wallMs, actor: actor, action: action, subject: subject, detail: detail)
    }

    private func store(_ key: [UInt8], of name: DeviceID) throws(DatabaseError) {
        let kid = DeviceKey.identify(key)
        try connection.run(
            "INSERT INTO device_key VALUES (?, ?, 'hs256', ?, 'current', ?)", .text(name.text), .text(kid.text),
            .blob(sealingKey.seal(key, context: Self.context(name, kid))), .integer(clock.now().wallMs))
    }

    private func storage<T>(_ body: () throws -> T) throws(IdentityError) -> T {
        do { return try body() } catch let error as DatabaseError { throw Self.storage(error) } catch {
            throw IdentityError(.storage, String(describing: error))
        }
    }

    private static func storage(_ error: DatabaseError) -> IdentityError {
        IdentityError(.storage, error.description, hint: "see: scangate doctor")
    }

    private static func context(_ name: DeviceID, _ kid: KeyID) -> String { "scangate device key v1 \(name) \(kid)" }

    private static func encode(_ options: [String: String]) -> String {
        var json = JSONWriter()
        json.object {
            for (key, value) in options.sorted(by: { $0.key < $1.key }) {
                $0.key(key)
                $0.string(value)
            }
        }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private static func device(_ row: Statement) -> Device? {
        guard let name = DeviceID(row.text(0)), let kind = Device.Kind(rawValue: row.text(1)),
            let lane = LaneID(row.text(2)), let kid = KeyID(row.text(7)),
            let algorithm = SignatureAlgorithm(rawValue: row.text(8)),
            let options = try? JSONValue.parse(Array(row.text(5).utf8)).object
        else { return nil }
        return Device(
            name: name, kind: kind, lane: lane,
            roles: Set(row.text(3).split(separator: ",").compactMap { ScanRole(rawValue: String($0)) }),
            isEnabled: row.integer(4) != 0, kid: kid, algorithm: algorithm,
            options: Dictionary(uniqueKeysWithValues: options.map { ($0.key, $0.value.string ?? "") }),
            addedMs: row.integer(6))
    }
}

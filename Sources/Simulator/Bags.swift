internal import Database

/// What was scanned, as a row of the backend's `scan` table.
public struct ScanRow: Sendable, Equatable {
    /// The order of arrival, from 1.
    public var n: Int64 = 0
    /// `web` or `devices`.
    public var contract: String
    /// The simulator's clock when it was judged, milliseconds since 1970.
    public var atMs: Int64
    /// `scan`, `unlink`, `bill`, `return`.
    public var action: String
    /// `parent`, `child`, `other`.
    public var role: String
    /// The label.
    public var label: String
    /// The parent that it was linked to or meant for, or empty.
    public var parent: String
    /// Devices: the gateway, else empty.
    public var gateway = ""
    /// Devices: the device, else empty.
    public var dev = ""
    /// Devices: the lane, else empty.
    public var lane = ""
    /// Devices: the spool's id, else empty.
    public var log = ""
    /// Devices: the device's number of it, else 0.
    public var seq: Int64 = 0
    /// Devices: the lane's number of it, else 0.
    public var laneSeq: Int64 = 0
    /// Devices: the scan's id. Web: `X-Request-ID`, or empty.
    public var id = ""
    /// Web: the account, else empty.
    public var username = ""
    var signature: [UInt8] = []
}

/// The rules of bags and links, which both contracts share.
struct Bags {
    enum Role: String { case parent, child }

    let connection: Connection

    func role(_ label: String) throws -> Role? {
        try connection.first("SELECT role FROM bag WHERE label = ?", .text(label)) { Role(rawValue: $0.text(0)) } ?? nil
    }

    func add(_ label: String, _ role: Role) throws {
        try connection.run(
            "INSERT OR IGNORE INTO bag(label, role) VALUES(?, ?)", .text(label), .text(role.rawValue))
    }

    func parent(ofChild label: String) throws -> String? {
        try connection.first("SELECT parent FROM link WHERE child = ?", .text(label)) { $0.text(0) }
    }

    func childCount(_ parent: String) throws -> Int {
        try connection.first("SELECT count(*) FROM link WHERE parent = ?", .text(parent)) { Int($0.integer(0)) } ?? 0
    }

    /// The children in the order they were linked.
    func children(_ parent: String) throws -> [String] {
        try connection.rows("SELECT child FROM link WHERE parent = ? ORDER BY scan", .text(parent)) { $0.text(0) }
    }

    func link(_ child: String, to parent: String, scan: Int64) throws {
        try add(child, .child)
        try connection.run(
            "INSERT INTO link(child, parent, scan) VALUES(?, ?, ?)", .text(child), .text(parent), .integer(scan))
    }

    /// Removes the link and the child bag.
    func unlink(_ child: String) throws {
        try connection.run("DELETE FROM link WHERE child = ?", .text(child))
        try connection.run("DELETE FROM bag WHERE label = ? AND role = 'child'", .text(child))
    }

    /// The link made last, of one parent or of all.
    func lastLink(parent: String?) throws -> (child: String, parent: String)? {
        try connection.first(
            "SELECT child, parent FROM link WHERE parent = ?1 OR ?1 = '' ORDER BY scan DESC LIMIT 1",
            .text(parent ?? "")
        ) { ($0.text(0), $0.text(1)) }
    }

    /// Forgets a bag with its links, as an admin of the backend does.
    func forget(_ label: String) throws {
        try connection.run("DELETE FROM bag WHERE label = ?", .text(label))
        try connection.run("DELETE FROM link WHERE child = ?1 OR parent = ?1", .text(label))
    }

    @discardableResult
    func insert(_ row: ScanRow) throws -> Int64 {
        try connection.run(
            """
            INSERT INTO scan(contract, at_ms, action, role, label, parent, gateway, dev, lane, log, seq, lane_seq, id,
                username, sig) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .text(row.contract), .integer(row.atMs), .text(row.action), .text(row.role), .text(row.label),
            .text(row.parent), .text(row.gateway), .text(row.dev), .text(row.lane), .text(row.log), .integer(row.seq),
            .integer(row.laneSeq), .text(row.id), .text(row.username), .blob(row.signature))
        return connection.lastInsertedRow
    }

    func rows(after n: Int64, limit: Int) throws -> [ScanRow] {
        try connection.rows(
            "\(Self.columns) WHERE n > ? ORDER BY n LIMIT ?", .integer(n), .integer(Int64(limit)), row: Self.row)
    }

    /// The row of a scan's id under the contract `tracetrack-devices`, with its signature.
    func place(id: String) throws -> (n: Int64, signature: [UInt8])? {
        try connection.first("SELECT n, sig FROM scan WHERE id = ? AND contract = 'devices'", .text(id)) {
            ($0.integer(0), $0.blob(1))
        }
    }

    /// The row of a device's number under the contract `tracetrack-devices`.
    func place(gateway: String, dev: String, log: String, seq: Int64) throws -> Int64? {
        try connection.first(
            "SELECT n FROM scan WHERE gateway = ? AND dev = ? AND log = ? AND seq = ? AND contract = 'devices'",
            .text(gateway), .text(dev), .text(log), .integer(seq)
        ) { $0.integer(0) }
    }

    private static let columns = """
        SELECT n, contract, at_ms, action, role, label, parent, gateway, dev, lane, log, seq, lane_seq, id, username,
            sig FROM scan
        """

    private static func row(_ row: Statement) -> ScanRow {
        ScanRow(
            n: row.integer(0), contract: row.text(1), atMs: row.integer(2), action: row.text(3), role: row.text(4),
            label: row.text(5), parent: row.text(6), gateway: row.text(7), dev: row.text(8), lane: row.text(9),
            log: row.text(10), seq: row.integer(11), laneSeq: row.integer(12), id: row.text(13),
            username: row.text(14), signature: row.blob(15))
    }
}

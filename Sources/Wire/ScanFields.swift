internal import Crypto
internal import JSON
public import Model

/// One scan in the strings of the wire: what is signed, stored and sent, and what a verifier has in its hands.
///
/// Contract `tracetrack-devices`, "Body" and "Signature of a scan".
public struct ScanFields: Sendable, Equatable {
    var alg = ""
    /// The gateway's name, as on the wire.
    public var gateway = ""
    /// The device's name, as on the wire.
    public var dev = ""
    /// The key's id, as on the wire.
    public var kid = ""
    /// The spool file's id, as on the wire.
    public var log = ""
    /// The scan's id, as on the wire.
    public var id = ""
    /// Rises per device within a log.
    public var seq: Int64 = 0
    /// The lane's name, as on the wire.
    public var lane = ""
    /// Rises per lane.
    public var laneSeq: Int64 = 0
    /// The wall clock at capture, 24 characters.
    public var ts = ""
    /// `s` where the wall clock was synced, else `u`.
    public var clk = ""
    /// The kernel's boot id.
    public var boot = ""
    /// CLOCK_BOOTTIME at capture, in milliseconds.
    public var monoMs: Int64 = 0
    /// `scan`, `unlink`, `bill` or `return`.
    public var action = ""
    /// `parent`, `child` or `other`.
    public var role = ""
    /// The lane's parent at capture, or empty.
    public var parent = ""
    /// The badge scanned last, or empty.
    public var operatorBadge = ""
    /// The id of the scan that this one corrects, or empty.
    public var corrects = ""
    /// The bar code's type, from the closed list.
    public var sym = ""
    /// The AIM identifier, or empty.
    public var aim = ""
    /// The label after the lane's rule.
    public var data: [UInt8] = []
    /// The bytes as read, where they differ from `data`.
    public var raw: [UInt8]?

    init() {}

    /// The strings of a scan made here.
    public init(_ scan: Scan) {
        alg = scan.algorithm.rawValue
        gateway = scan.gateway.text
        dev = scan.device.text
        kid = scan.kid.text
        log = scan.log.text
        id = scan.id.description
        seq = scan.seq
        lane = scan.lane.text
        laneSeq = scan.laneSeq
        ts = Timestamp.text(scan.capturedAt.wallMs)
        clk = scan.capturedAt.synced ? "s" : "u"
        boot = scan.boot
        monoMs = scan.capturedAt.uptimeMs
        action = scan.action.rawValue
        role = scan.role.rawValue
        parent = scan.parent
        operatorBadge = scan.operatorBadge
        corrects = scan.corrects?.description ?? ""
        sym = scan.symbology.rawValue
        aim = scan.aim
        data = scan.data
        raw = scan.raw
    }

    /// The text that a device's key signs: 23 fields, a line feed after each.
    public func signingText() -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(400)
        func line(_ field: String) {
            text.append(contentsOf: field.utf8)
            text.append(10)
        }
        func encoded(_ bytes: [UInt8]) {
            Base64URL.append(bytes, to: &text)
            text.append(10)
        }
        line("SCAN1")
        line(alg)
        line(gateway)
        line(dev)
        line(kid)
        line(log)
        line(id)
        line(String(seq))
        line(lane)
        line(String(laneSeq))
        line(ts)
        line(clk)
        line(boot)
        line(String(monoMs))
        line(action)
        line(role)
        encoded(Array(parent.utf8))
        encoded(Array(operatorBadge.utf8))
        line(corrects)
        line(sym)
        line(aim)
        let digest = SHA256.digest(data)
        encoded(digest)
        encoded(raw.map(SHA256.digest) ?? digest)
        return text
    }

    /// The scan's JSON object with its signature: the bytes that are stored and sent. `id` comes first.
    public func json(signature: [UInt8]) -> [UInt8] {
        var json = JSONWriter(reserving: 640)
        json.object {
            $0.member("id", id)
            $0.member("dev", dev)
            $0.member("kid", kid)
            $0.member("log", log)
            $0.member("seq", seq)
            $0.member("lane", lane)
            $0.member("lane_seq", laneSeq)
            $0.member("ts", ts)
            $0.member("clk", clk)
            $0.member("boot", boot)
            $0.member("mono_ms", monoMs)
            $0.member("action", action)
            $0.member("role", role)
            $0.member("parent", parent)
            $0.member("operator", operatorBadge)
            $0.member("corrects", corrects)
            $0.member("sym", sym)
            $0.member("aim", aim)
            if !data.contains(0), let text = String(validating: data, as: UTF8.self) {
                $0.member("data", text)
            } else {
                $0.member("data_b64", Base64URL.encode(data))
            }
            if let raw { $0.member("raw", Base64URL.encode(raw)) }
            $0.member("alg", alg)
            $0.member("sig", Base64URL.encode(signature))
        }
        return json.bytes
    }
}

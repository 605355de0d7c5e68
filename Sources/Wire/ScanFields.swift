internal import Crypto
internal import Model

/// One scan in the strings of the wire: what a verifier has in its hands.
///
/// Contract `tracetrack-devices`, "Body" and "Signature of a scan". `ScanTemplate` is the signer's side of it.
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
}

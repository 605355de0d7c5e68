internal import Crypto
public import Model

/// One scan before it is signed: what differs from scan to scan of a device. The rest is in its `ScanTemplate`.
public struct ScanDraft: Sendable {
    /// Made once, at capture; version 7.
    public var id: UUID
    /// Rises per device within a log; at most 2^53 - 1.
    public var seq: Int64
    /// Rises per lane; at most 2^53 - 1.
    public var laneSeq: Int64
    /// The clocks at capture.
    public var capturedAt: Moment
    /// What it asks for.
    public var action = ScanAction.scan
    /// What the label is.
    public var role: ScanRole
    /// The lane's parent at capture, or empty.
    public var parent: String
    /// The badge scanned last, or empty.
    public var operatorBadge = ""
    /// The id of the scan that this one corrects, or nil.
    public var corrects: UUID?
    /// The bar code's type, where the scanner tells.
    public var symbology: Symbology
    /// The AIM identifier, or empty.
    public var aim: String
    /// The label after the lane's rule.
    public var data: [UInt8]
    /// The bytes as read, only where they differ from `data`.
    public var raw: [UInt8]?

    /// A scan that asks for nothing special, with no badge.
    public init(
        id: UUID, seq: Int64, laneSeq: Int64, capturedAt: Moment, role: ScanRole, parent: String, symbology: Symbology,
        aim: String, data: [UInt8], raw: [UInt8]?
    ) {
        self.id = id
        self.seq = seq
        self.laneSeq = laneSeq
        self.capturedAt = capturedAt
        self.role = role
        self.parent = parent
        self.symbology = symbology
        self.aim = aim
        self.data = data
        self.raw = raw
    }

    init(_ scan: Scan) {
        self.init(
            id: scan.id, seq: scan.seq, laneSeq: scan.laneSeq, capturedAt: scan.capturedAt, role: scan.role,
            parent: scan.parent, symbology: scan.symbology, aim: scan.aim, data: scan.data, raw: scan.raw)
        action = scan.action
        operatorBadge = scan.operatorBadge
        corrects = scan.corrects
    }
}

/// What all scans of a device have in common, as it stands in the signed text and in the JSON object; and how the two
/// are made of it, each in one pass. Made once a device, lane and log. Any thread.
///
/// Contract `tracetrack-devices`, "Body" and "Signature of a scan". `ScanFields` is the verifier's side of it.
public struct ScanTemplate: Sendable {
    // Parts of the signed text, and of the object, in their order.
    private let signed: (head: [UInt8], lane: [UInt8], boot: [UInt8])
    private let object: (device: [UInt8], lane: [UInt8], boot: [UInt8], end: [UInt8])

    /// The parts of a device's scans; `boot` is the kernel's boot id.
    public init(
        gateway: GatewayID, device: DeviceID, kid: KeyID, log: LogID, lane: LaneID, boot: String,
        algorithm: SignatureAlgorithm
    ) {
        let algorithm = algorithm.rawValue
        // Names and ids need no escapes.
        signed = (
            Array("SCAN1\n\(algorithm)\n\(gateway)\n\(device)\n\(kid)\n\(log)\n".utf8), Array("\n\(lane)\n".utf8),
            Array("\n\(boot)\n".utf8)
        )
        object = (
            Array("\",\"dev\":\"\(device)\",\"kid\":\"\(kid)\",\"log\":\"\(log)\",\"seq\":".utf8),
            Array(",\"lane\":\"\(lane)\",\"lane_seq\":".utf8), Array("\",\"boot\":\"\(boot)\",\"mono_ms\":".utf8),
            Array(",\"alg\":\"\(algorithm)\",\"sig\":\"".utf8)
        )
    }

    /// Appends the JSON object to store and send, signed by `sign`.
    public func encode(_ scan: borrowing ScanDraft, sign: ([UInt8]) -> [UInt8], to wire: inout [UInt8]) {
        var (id, time) = (scan.id.description, Timestamp.text(scan.capturedAt.wallMs))
        id.withUTF8 { id in
            time.withUTF8 { time in
                let signature = sign(signingText(scan, id, time))
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: bound(scan)) { memory in
                    var pen = Pen(memory)
                    writeObject(scan, id, time, signature, &pen)
                    wire.append(contentsOf: UnsafeBufferPointer(rebasing: memory[..<pen.count]))
                }
            }
        }
    }

    /// The text that a device's key signs: 23 fields, a line feed after each.
    func signingText(_ scan: borrowing ScanDraft) -> [UInt8] {
        var (id, time) = (scan.id.description, Timestamp.text(scan.capturedAt.wallMs))
        return id.withUTF8 { id in time.withUTF8 { time in signingText(scan, id, time) } }
    }

    private func signingText(
        _ scan: borrowing ScanDraft, _ id: UnsafeBufferPointer<UInt8>, _ time: UnsafeBufferPointer<UInt8>
    ) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bound(scan)) { memory, count in
            var pen = Pen(memory)
            pen.write(signed.head)
            pen.write(id)
            pen.write("\n")
            pen.write(scan.seq)
            pen.write(signed.lane)
            pen.write(scan.laneSeq)
            pen.write("\n")
            pen.write(time)
            pen.write(scan.capturedAt.synced ? "\ns" : "\nu")
            pen.write(signed.boot)
            pen.write(scan.capturedAt.uptimeMs)
            pen.write("\n")
            pen.write(scan.action.rawValue)
            pen.write("\n")
            pen.write(scan.role.rawValue)
            pen.write("\n")
            pen.writeEncoded(scan.parent)
            pen.write("\n")
            pen.writeEncoded(scan.operatorBadge)
            pen.write("\n")
            if let corrects = scan.corrects { pen.write(corrects.description) }
            pen.write("\n")
            pen.write(scan.symbology.rawValue)
            pen.write("\n")
            pen.write(scan.aim)
            pen.write("\n")
            let digest = SHA256.digest(scan.data)
            pen.writeEncoded(digest)
            pen.write("\n")
            pen.writeEncoded(scan.raw.map(SHA256.digest) ?? digest)
            pen.write("\n")
            count = pen.count
        }
    }

    // `id` comes first: `WireScan.id` finds it by its place.
    private func writeObject(
        _ scan: borrowing ScanDraft, _ id: UnsafeBufferPointer<UInt8>, _ time: UnsafeBufferPointer<UInt8>,
        _ signature: [UInt8], _ pen: inout Pen
    ) {
        pen.write("{\"id\":\"")
        pen.write(id)
        pen.write(object.device)
        pen.write(scan.seq)
        pen.write(object.lane)
        pen.write(scan.laneSeq)
        pen.write(",\"ts\":\"")
        pen.write(time)
        pen.write(scan.capturedAt.synced ? "\",\"clk\":\"s" : "\",\"clk\":\"u")
        pen.write(object.boot)
        pen.write(scan.capturedAt.uptimeMs)
        pen.write(",\"action\":\"")
        pen.write(scan.action.rawValue)
        pen.write("\",\"role\":\"")
        pen.write(scan.role.rawValue)
        pen.write("\",\"parent\":\"")
        pen.writeEscaped(scan.parent)
        pen.write("\",\"operator\":\"")
        pen.writeEscaped(scan.operatorBadge)
        pen.write("\",\"corrects\":\"")
        if let corrects = scan.corrects { pen.write(corrects.description) }
        pen.write("\",\"sym\":\"")
        pen.write(scan.symbology.rawValue)
        pen.write("\",\"aim\":\"")
        pen.writeEscaped(scan.aim)
        if Self.isText(scan.data) {
            pen.write("\",\"data\":\"")
            scan.data.withUnsafeBufferPointer { pen.writeEscaped($0) }
        } else {
            pen.write("\",\"data_b64\":\"")
            pen.writeEncoded(scan.data)
        }
        if let raw = scan.raw {
            pen.write("\",\"raw\":\"")
            pen.writeEncoded(raw)
        }
        pen.write("\"")
        pen.write(object.end)
        pen.writeEncoded(signature)
        pen.write("\"}")
    }

    // More than either text needs: what is not counted here is at most 700 bytes of names, numbers and JSON.
    private func bound(_ scan: borrowing ScanDraft) -> Int {
        let texts = scan.parent.utf8.count + scan.operatorBadge.utf8.count + scan.aim.utf8.count + scan.data.count
        return 700 + signed.head.count + object.device.count + object.lane.count + object.boot.count
            + 6 * texts + 2 * (scan.raw?.count ?? 0)
    }

    private static func isText(_ data: [UInt8]) -> Bool {
        var bits: UInt8 = 0
        var hasNUL = false
        for byte in data {
            bits |= byte
            hasNUL = byte == 0 || hasNUL
        }
        // ASCII is UTF-8, and nearly every label is ASCII.
        return !hasNUL && (bits < 0x80 || String(validating: data, as: UTF8.self) != nil)
    }
}

extension ScanTemplate {
    init(_ scan: Scan) {
        self.init(
            gateway: scan.gateway, device: scan.device, kid: scan.kid, log: scan.log, lane: scan.lane, boot: scan.boot,
            algorithm: scan.algorithm)
    }
}

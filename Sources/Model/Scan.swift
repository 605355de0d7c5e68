/// What a scan asks the backend to do.
public enum ScanAction: String, Sendable, CaseIterable {
    case scan, unlink, bill
    case giveBack = "return"
}

/// What the label is: a bag, one of its children, or something else that a rule lets through.
public enum ScanRole: String, Sendable, CaseIterable {
    case parent, child, other
}

/// How a scan is signed.
public enum SignatureAlgorithm: String, Sendable, CaseIterable {
    /// HMAC-SHA256 with the device's 32-byte key: 43 characters.
    case hs256
    /// Ed25519: 86 characters.
    case ed25519
}

/// The bar code types that a scan may name; the contract calls this the closed list.
public enum Symbology: String, Sendable, CaseIterable {
    case unknown
    case qr = "QR"
    case microQR = "MicroQR"
    case dataMatrix = "DataMatrix"
    case aztec = "Aztec"
    case pdf417 = "PDF417"
    case code128 = "Code128"
    case gs1128 = "GS1-128"
    case code39 = "Code39"
    case code93 = "Code93"
    case codabar = "Codabar"
    case itf = "ITF"
    case ean13 = "EAN-13"
    case ean8 = "EAN-8"
    case dataBar = "DataBar"

    /// The type that an AIM identifier names (ISO/IEC 15424): `]Q1` is QR. `unknown` for one not on the list.
    public init(aim: String) {
        let bytes = Array(aim.utf8)
        guard bytes.count == 3, bytes[0] == UInt8(ascii: "]") else {
            self = .unknown
            return
        }
        switch (bytes[1], bytes[2]) {
        case (UInt8(ascii: "Q"), _): self = .qr
        case (UInt8(ascii: "d"), _): self = .dataMatrix
        case (UInt8(ascii: "z"), _): self = .aztec
        case (UInt8(ascii: "L"), _): self = .pdf417
        case (UInt8(ascii: "C"), UInt8(ascii: "1")): self = .gs1128
        case (UInt8(ascii: "C"), _): self = .code128
        case (UInt8(ascii: "A"), _): self = .code39
        case (UInt8(ascii: "G"), _): self = .code93
        case (UInt8(ascii: "F"), _): self = .codabar
        case (UInt8(ascii: "I"), _): self = .itf
        case (UInt8(ascii: "E"), UInt8(ascii: "4")): self = .ean8
        case (UInt8(ascii: "E"), _): self = .ean13
        case (UInt8(ascii: "e"), _): self = .dataBar
        default: self = .unknown
        }
    }
}

/// One label as a driver read it, before any rule has looked at it.
public struct Reading: Sendable, Equatable {
    /// The label's bytes without prefix, suffix, terminator and AIM identifier; 1 to 8192 of them, of any value.
    public var bytes: [UInt8]
    /// The bar code's type where the scanner tells.
    public var symbology: Symbology
    /// The AIM identifier (`]Q1`) where the scanner sends one, else empty.
    public var aim: String
    /// When the last byte arrived.
    public var capturedAt: Moment

    /// A reading; what the scanner did not tell has its default.
    public init(bytes: [UInt8], symbology: Symbology = .unknown, aim: String = "", capturedAt: Moment) {
        self.bytes = bytes
        self.symbology = symbology
        self.aim = aim
        self.capturedAt = capturedAt
    }
}

/// One scan as it is signed and sent: the fields of the contract `tracetrack-devices`, in its order.
///
/// Made once, at capture; what is stored and sent is its `Wire` encoding, never made again.
public struct Scan: Sendable, Equatable {
    /// Made once, at capture; version 7.
    public var id: UUID
    /// The gateway that took it.
    public var gateway: GatewayID
    /// The device that read it.
    public var device: DeviceID
    /// The key that signs it.
    public var kid: KeyID
    /// The spool file that holds it.
    public var log: LogID
    /// Rises per device within a log; at most 2^53 - 1.
    public var seq: Int64
    /// The lane it was scanned for.
    public var lane: LaneID
    /// Rises per lane; at most 2^53 - 1.
    public var laneSeq: Int64
    /// The clocks at capture.
    public var capturedAt: Moment
    /// The kernel's boot id, lower-case 8-4-4-4-12.
    public var boot: String
    /// What it asks for.
    public var action: ScanAction
    /// What the label is.
    public var role: ScanRole
    /// The lane's parent at capture, or empty.
    public var parent: String
    /// The badge scanned last, or empty.
    public var operatorBadge: String
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
    /// How it is signed.
    public var algorithm: SignatureAlgorithm

    /// All fields; those that most scans lack have a default.
    public init(
        id: UUID, gateway: GatewayID, device: DeviceID, kid: KeyID, log: LogID, seq: Int64, lane: LaneID,
        laneSeq: Int64, capturedAt: Moment, boot: String, action: ScanAction = .scan, role: ScanRole,
        parent: String = "", operatorBadge: String = "", corrects: UUID? = nil, symbology: Symbology = .unknown,
        aim: String = "", data: [UInt8], raw: [UInt8]? = nil, algorithm: SignatureAlgorithm = .hs256
    ) {
        self.id = id
        self.gateway = gateway
        self.device = device
        self.kid = kid
        self.log = log
        self.seq = seq
        self.lane = lane
        self.laneSeq = laneSeq
        self.capturedAt = capturedAt
        self.boot = boot
        self.action = action
        self.role = role
        self.parent = parent
        self.operatorBadge = operatorBadge
        self.corrects = corrects
        self.symbology = symbology
        self.aim = aim
        self.data = data
        self.raw = raw
        self.algorithm = algorithm
    }
}

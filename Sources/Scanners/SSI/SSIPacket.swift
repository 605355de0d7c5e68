internal import Model

/// One packet of Zebra's Simple Serial Interface: length, opcode, source, status, data, and the two's complement of the
/// sum of all these in two bytes (programmer's guide 72E-40451). 6 to 257 bytes.
struct SSIPacket: Equatable {
    /// What packets are about; those that this program sends or understands.
    enum Opcode {
        static let paramSend: UInt8 = 0xC6
        static let acknowledge: UInt8 = 0xD0
        static let refuse: UInt8 = 0xD1
        static let startSession: UInt8 = 0xE4
        static let stopSession: UInt8 = 0xE5
        static let beep: UInt8 = 0xE6
        static let ledOn: UInt8 = 0xE7
        static let ledOff: UInt8 = 0xE8
        static let scanEnable: UInt8 = 0xE9
        static let decodeData: UInt8 = 0xF3
        static let event: UInt8 = 0xF6
    }

    /// Who sends.
    enum Source {
        static let decoder: UInt8 = 0
        static let host: UInt8 = 4
    }

    var opcode: UInt8
    var source = Source.host
    /// Bit 0: sent again; bit 1: more of the same message follows.
    var status: UInt8 = 0
    /// At most 251 bytes.
    var data: [UInt8] = []

    /// Whether it has been sent before.
    var isRepeated: Bool { status & 1 != 0 }
    /// Whether the message goes on in the next packet.
    var isContinued: Bool { status & 2 != 0 }

    /// The packet as it is sent.
    var bytes: [UInt8] {
        let body = [UInt8(data.count + 4), opcode, source, status] + data
        return body + Self.checksum(body)
    }

    /// The packet that whole bytes are; nil where the length or the checksum says no.
    init?(_ bytes: [UInt8]) {
        guard let length = bytes.first.map(Int.init), length >= 4, bytes.count == length + 2,
            Self.checksum(bytes[..<length]).elementsEqual(bytes[length...])
        else { return nil }
        (opcode, source, status, data) = (bytes[1], bytes[2], bytes[3], Array(bytes[4..<length]))
    }

    init(_ opcode: UInt8, _ data: [UInt8] = []) { (self.opcode, self.data) = (opcode, data) }

    private static func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        let sum = 0 &- bytes.reduce(UInt16(0)) { $0 &+ UInt16($1) }
        return [UInt8(sum >> 8), UInt8(sum & 0xFF)]
    }

    /// The maker's words for the cause in a refusal.
    static func cause(_ code: UInt8?) -> String {
        switch code {
        case 1: "asks for it again and again (1)"
        case 2: "not now, or not by this scanner (2, bad context)"
        case 6: "its settings forbid it (6, denied)"
        case 10: "it is being cancelled (10)"
        default: "cause \(code.map { String($0) } ?? "not told")"
        }
    }

    /// The bar code's type by the first byte of a DECODE_DATA (programmer's guide, code types).
    static func symbology(_ type: UInt8) -> Symbology {
        switch type {
        case 0x01, 0x13: .code39
        case 0x02, 0x18: .codabar
        case 0x03, 0x19: .code128
        case 0x06: .itf
        case 0x07: .code93
        case 0x08, 0x09, 0x0B, 0x10, 0x16: .ean13
        case 0x0A: .ean8
        case 0x0F: .gs1128
        case 0x11, 0x28: .pdf417
        case 0x1B, 0xC1: .dataMatrix
        case 0x1C, 0x29, 0xC2: .qr
        case 0x2C: .microQR
        case 0x2D: .aztec
        case 0x30, 0x31, 0x32: .dataBar
        default: .unknown
        }
    }
}

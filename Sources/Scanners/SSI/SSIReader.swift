/// Cuts a line's bytes into packets. After damage everything is thrown away until the line is quiet: where the next packet
/// begins is known only then, and the scanner waits for its answer. Holds at most 257 bytes.
struct SSIReader {
    /// What came out.
    enum Output: Equatable {
        case packet(SSIPacket)
        /// Something came that is no packet, and the line is quiet again. `wasRepeated` is what its status byte says,
        /// which may be damaged too; nil where so little came that there was none.
        case damage(wasRepeated: Bool?)
    }

    private let timing: SSITiming
    private var marks = ParityMarks()
    private var bytes: [UInt8] = []
    private var isDamaged = false

    init(_ timing: SSITiming) { self.timing = timing }

    /// What the line being quiet for this long means something for; nil where nothing has begun. A packet's bytes come
    /// without such gaps.
    var patience: Duration? {
        if isDamaged { return .nanoseconds(timing.damageQuietNs) }
        return bytes.isEmpty ? nil : .nanoseconds(timing.packetQuietNs)
    }

    /// Takes bytes as they were read.
    mutating func push(_ read: ArraySlice<UInt8>) -> [SSIPacket] {
        var out: [SSIPacket] = []
        for byte in read {
            switch marks.take(byte) {
            case .damage: isDamaged = true
            case .byte(let byte) where bytes.count < 257: bytes.append(byte)
            default: break
            }
            guard !isDamaged, let length = bytes.first.map(Int.init) else { continue }
            if length < 4 {
                isDamaged = true
            } else if bytes.count == length + 2 {
                if let packet = SSIPacket(bytes) {
                    out.append(packet)
                    bytes.removeAll(keepingCapacity: true)
                } else {
                    isDamaged = true
                }
            }
        }
        return out
    }

    /// The line was quiet for `patience`.
    mutating func silence() -> Output? {
        defer { (bytes, isDamaged, marks) = ([], false, ParityMarks()) }
        guard isDamaged || !bytes.isEmpty else { return nil }
        return .damage(wasRepeated: bytes.count > 3 ? bytes[3] & 1 != 0 : nil)
    }
}

/// Takes a scanner's replies out of the bytes that it sends, where they come in the midst of its scans: a pure state
/// machine, fed in any pieces. Holds back fewer bytes than the longest reply has.
struct ReplyFilter {
    /// What a reply is made of.
    enum Piece: Equatable {
        case byte(UInt8)
        /// ACK, NAK or ENQ: whether the scanner did what it was told.
        case verdict
    }

    /// What came out.
    enum Output: Equatable {
        /// Bytes that are part of no reply.
        case bytes([UInt8])
        /// A whole reply.
        case reply([UInt8])
    }

    private let patterns: [[Piece]]
    private var held: [UInt8] = []

    init(_ patterns: [[Piece]]) { self.patterns = patterns.filter { !$0.isEmpty } }

    /// Whether bytes wait for those that tell whether they are a reply.
    var isHolding: Bool { !held.isEmpty }

    /// Takes bytes as they were read.
    mutating func push(_ bytes: ArraySlice<UInt8>) -> [Output] {
        guard !patterns.isEmpty else { return [.bytes(Array(bytes))] }
        var out: [Output] = []
        var free: [UInt8] = []
        for byte in bytes {
            held.append(byte)
            while !held.isEmpty {
                if patterns.contains(where: { $0.count == held.count && begins($0) }) {
                    if !free.isEmpty { out.append(.bytes(free)) }
                    out.append(.reply(held))
                    (free, held) = ([], [])
                } else if patterns.contains(where: { begins($0) }) {
                    break
                } else {
                    free.append(held.removeFirst())
                }
            }
        }
        if !free.isEmpty { out.append(.bytes(free)) }
        return out
    }

    /// The line is silent: what was held back is no reply.
    mutating func flush() -> [UInt8] {
        defer { held = [] }
        return held
    }

    private func begins(_ pattern: [Piece]) -> Bool {
        pattern.count >= held.count
            && zip(pattern, held).allSatisfy { piece, byte in
                switch piece {
                case .byte(let wanted): byte == wanted
                case .verdict: byte == 0x06 || byte == 0x15 || byte == 0x05
                }
            }
    }
}

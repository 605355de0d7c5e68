/// Undoes the terminal's PARMRK marking (termios(3)): `FF 00 x` is a byte with a framing or parity error, `FF 00 00` a
/// break, `FF FF` a real FF. Holds at most two bytes.
struct ParityMarks {
    /// What one byte from the kernel makes known.
    enum Meaning: Equatable {
        case byte(UInt8)
        /// A byte came damaged, or the line was broken.
        case damage
    }

    private enum State { case none, sawFF, sawFF00 }

    private var state = State.none

    /// Takes a byte as it was read; nil where the next one has to say what it means.
    mutating func take(_ byte: UInt8) -> Meaning? {
        switch (state, byte) {
        case (.none, 0xFF):
            state = .sawFF
            return nil
        case (.none, _): return .byte(byte)
        case (.sawFF, 0x00):
            state = .sawFF00
            return nil
        case (.sawFF, _):
            state = .none
            return .byte(byte)
        case (.sawFF00, _):
            state = .none
            return .damage
        }
    }
}

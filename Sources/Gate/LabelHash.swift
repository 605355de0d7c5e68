/// A label as a number that is the same in every version of the program: FNV-1a, 64 bits
/// (datatracker.ietf.org/doc/html/draft-eastlake-fnv).
///
/// Two labels made to have the same number cost a wrong signal and a wrong count, never a scan: both are stored and sent.
enum LabelHash {
    static func of(_ label: [UInt8]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in label { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}

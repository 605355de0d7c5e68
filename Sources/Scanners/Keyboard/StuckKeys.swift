/// Notices keys that are not let go. While one is down the kernel tells of no further press of it, so that a label loses
/// that character: nothing that is typed meanwhile is trusted.
///
/// A scanner lets each key go before, or right after, it presses the next one. A modifier may be down for a whole scan,
/// but not from one into the next.
struct StuckKeys {
    /// Presses that may come while a key before them is still down.
    private static let rollover = 2

    /// Non-modifier keys that are down, and the number of their press.
    private var down: [UInt16: Int] = [:]
    private var presses = 0
    private var modifiers: Set<UInt16> = []
    /// Modifiers that were down at the end of the scan before.
    private var lingering: Set<UInt16> = []

    /// These are down, since nobody knows when.
    mutating func begin(_ keys: [UInt16]) {
        self = StuckKeys()
        for key in keys { down[key] = -Self.rollover }
    }

    mutating func press(_ key: UInt16, isModifier: Bool) {
        if isModifier {
            modifiers.insert(key)
        } else {
            presses += 1
            down[key] = presses
        }
    }

    mutating func release(_ key: UInt16) {
        down[key] = nil
        modifiers.remove(key)
        lingering.remove(key)
    }

    /// The modifiers that are down were pressed long ago, and for no scan.
    mutating func suspectModifiers() { lingering = modifiers }

    /// A scan ends, with its terminator or by silence: whether a key was down that should not have been.
    mutating func endOfScan() -> Bool {
        let isStuck = !lingering.isEmpty || down.values.contains { presses - $0 > Self.rollover }
        lingering = modifiers
        return isStuck
    }
}

internal import Model

/// Where one copy of a label is, and how far it has come in the direction that counts.
struct BeltPlace {
    /// The middle, in pixels.
    private var x: Int
    private var y: Int
    /// The longer side of the box around it.
    private var size: Int
    /// Along the direction: where it is, and the farthest back that it was.
    private var along: Int
    private var back: Int
    private var number: Int
    /// The tracker's count of frames when it was seen.
    private(set) var serial: UInt64

    /// Nil for a code without corners.
    init?(_ code: Sighting, along direction: BeltSettings.Direction, number: Int, serial: UInt64) {
        // Corners come from the worker, which reads hostile pictures: whatever they are, sums must not trap.
        let bounds = -(1 << 20)...(1 << 20)
        let xs = code.corners.map { min(max($0.x, bounds.lowerBound), bounds.upperBound) }
        let ys = code.corners.map { min(max($0.y, bounds.lowerBound), bounds.upperBound) }
        guard let left = xs.min(), let right = xs.max(), let top = ys.min(), let bottom = ys.max() else { return nil }
        (x, y) = ((left + right) / 2, (top + bottom) / 2)
        size = max(right - left, bottom - top, 1)
        along =
            switch direction {
            case .any, .leftToRight: x
            case .rightToLeft: -x
            case .topToBottom: y
            case .bottomToTop: -y
            }
        back = along
        (self.number, self.serial) = (number, serial)
    }

    /// How far it has come since it was farthest back: what is pulled back on the belt and goes on counts too, and what
    /// only trembles, or goes the other way, does not.
    var travelled: Int { along - back }

    /// Whether it can be there in that frame: a label that moves more than its own size from one frame to the next is
    /// blurred too much to be read, unless under a strobe, so what is read farther off is its other copy.
    func reaches(_ other: BeltPlace) -> Bool {
        // Numbers that begin anew, and a long silence, are no licence to jump.
        let frames = min(max(other.number &- number, 1), 8)
        return distance(to: other) <= max(size, other.size) * frames
    }

    /// In pixels, along the farther axis.
    func distance(to other: BeltPlace) -> Int { max(abs(x - other.x), abs(y - other.y)) }

    /// Is now where it was seen.
    mutating func move(to seen: BeltPlace) {
        let back = min(back, seen.along)
        self = seen
        self.back = back
    }
}

extension BeltSettings.Direction {
    /// Whether it goes along the picture's rows.
    var isHorizontal: Bool { self == .leftToRight || self == .rightToLeft }
}

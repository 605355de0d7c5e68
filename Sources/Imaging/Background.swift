/// What lay in a picture once, to be hidden in later ones, so that only what has come or moved since is seen.
///
/// Compares what `MotionGate` compares. Around what differs the picture is left as it is for `margin` cells: a label's paper
/// may be as bright as what it lies on, and a code needs its border. One thread.
public struct Background {
    /// Cells of 16 pixels that are left around what differs.
    public static let margin = 3

    private var cells: [UInt8] = []
    private var size = (width: 0, height: 0)

    /// One that hides nothing.
    public init() {}

    /// Takes a picture for what is to be hidden from now on.
    public mutating func learn(_ picture: LumaView) {
        (cells, size) = (MotionGate.cells(of: picture), (picture.width, picture.height))
    }

    /// Hides nothing any more.
    public mutating func forget() { (cells, size) = ([], (0, 0)) }

    /// Paints over in `target`, a copy of the picture, what is as it was: whether anything is left to be seen. A picture of
    /// another size is left as it is.
    public func hide(in picture: LumaView, to target: LumaImage) -> Bool {
        let (width, height) = (picture.width, picture.height)
        target.resize(width: width, height: height)
        let now = MotionGate.cells(of: picture)
        let isKnown = size == (width, height) && !cells.isEmpty
        let shown = isKnown ? shown(now) : []
        guard !isKnown || shown.contains(true) else { return false }
        let paper = isKnown ? Self.median(cells.map(Int.init)) : 0
        let columns = Self.count(width)
        target.withPixels { pixels in
            for y in 0..<height {
                let row = UnsafeBufferPointer(start: picture.base + y * picture.stride, count: width)
                _ = UnsafeMutableBufferPointer(rebasing: pixels[(y * width)...].prefix(width)).update(from: row)
                guard isKnown else { continue }
                // What is left of a cell at the right and below belongs to the last one.
                let first = min(y / 16, Self.count(height) - 1) * columns
                for x in 0..<width where !shown[first + min(x / 16, columns - 1)] {
                    pixels[y * width + x] = UInt8(clamping: paper)
                }
            }
        }
        return true
    }

    /// Which cells are not to be hidden.
    private func shown(_ now: [UInt8]) -> [Bool] {
        let differences = zip(now, cells).map { Int($0) - Int($1) }
        // A lamp moves all of them alike; the mean would be moved by a large label too.
        let shift = Self.median(differences)
        let (columns, rows) = (Self.count(size.width), Self.count(size.height))
        var shown = [Bool](repeating: false, count: now.count)
        for (index, difference) in differences.enumerated() where abs(difference - shift) > MotionGate.tolerance {
            let (row, column) = (index / columns, index % columns)
            for y in max(0, row - Self.margin)...min(rows - 1, row + Self.margin) {
                for x in max(0, column - Self.margin)...min(columns - 1, column + Self.margin) {
                    shown[y * columns + x] = true
                }
            }
        }
        return shown
    }

    private static func median(_ values: [Int]) -> Int { values.sorted()[values.count / 2] }

    /// Cells along a side.
    private static func count(_ side: Int) -> Int { (side - 4) / 16 + 1 }
}

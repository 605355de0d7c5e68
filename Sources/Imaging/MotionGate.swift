/// Whether a frame is worth a search: what shows the same as the frame before is searched now and then only.
///
/// Compares means of 4 by 4 pixels, one in 16 by 16, which a camera's noise hardly moves, and leaves aside what changes
/// the whole picture alike, as lamps on the mains do. One thread.
public struct MotionGate {
    /// By how much a mean must differ.
    public static let tolerance = 12
    /// How many of a thousand must, and never less than three.
    public static let share = 1
    /// Frames that are searched after the last one that differed: what stops is sharp only then.
    public static let settling = 8
    /// A picture at rest is searched that often all the same.
    public static let interval: Duration = .seconds(1)

    private var before: [UInt8] = []
    private var searched: [UInt8] = []
    private var width = 0
    private var left = 0
    private var lastSearch: Duration?

    /// A gate that has seen no picture.
    public init() {}

    /// Looks at the next frame, taken at a time of any clock: whether it differs from the one before, or from the one
    /// that was searched last, and whether it is to be searched.
    public mutating func look(_ picture: LumaView, at time: Duration) -> (isChanged: Bool, isDue: Bool) {
        let cells = Self.cells(of: picture)
        let isComparable = width == picture.width && cells.count == before.count
        let isChanged =
            !isComparable || Self.differ(cells, before)
            // What creeps differs from the frame before by nothing, and from an older one at last.
            || Self.differ(cells, searched)
        (before, width) = (cells, picture.width)
        left = isChanged ? Self.settling : max(0, left - 1)
        let isDue = left > 0 || lastSearch.map { time - $0 >= Self.interval || time < $0 } ?? true
        if isDue { (searched, lastSearch) = (cells, time) }
        return (isChanged, isDue)
    }

    /// Means of 4 by 4 pixels, one in 16 by 16, row after row; none of a picture that is smaller.
    static func cells(of picture: LumaView) -> [UInt8] {
        guard picture.width >= 4, picture.height >= 4 else { return [] }
        var cells: [UInt8] = []
        cells.reserveCapacity((picture.width / 16 + 1) * (picture.height / 16 + 1))
        for top in stride(from: 0, through: picture.height - 4, by: 16) {
            for left in stride(from: 0, through: picture.width - 4, by: 16) {
                var sum = 0
                for y in top..<top + 4 {
                    let row = picture.base + y * picture.stride + left
                    sum += Int(row[0]) + Int(row[1]) + Int(row[2]) + Int(row[3])
                }
                cells.append(UInt8(sum / 16))
            }
        }
        return cells
    }

    private static func differ(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count, !one.isEmpty else { return true }
        var sum = 0
        for index in one.indices { sum += Int(one[index]) - Int(other[index]) }
        let shift = sum / one.count
        var count = 0
        for index in one.indices where abs(Int(one[index]) - Int(other[index]) - shift) > tolerance { count += 1 }
        return count >= max(3, one.count * share / 1000)
    }
}

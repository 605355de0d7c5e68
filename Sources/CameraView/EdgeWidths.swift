internal import Imaging

/// How wide edges are, in pixels, measured along rows or along columns.
///
/// An edge is a stretch that rises or falls by at least `leastRise`; its width is what it rises divided by its steepest
/// step, so that contrast and light do not matter: 1 for an ideal edge, 2.5 times sigma for one with Gaussian blur.
struct EdgeWidths {
    /// Levels of 255 that an edge rises or falls at least: more than noise, less than print on paper in bad light.
    static let leastRise = 48
    /// A step back that noise may make within an edge.
    private static let noise = 3
    /// Edges that are enough to say anything.
    static let enough = 30
    /// Lines that are measured at most, evenly spread: what bounds the time of a large picture.
    private static let lines = 240

    /// All widths, sorted.
    private(set) var widths: [Double] = []

    /// Measures a part of a picture; nothing outside it is touched.
    ///
    /// - Parameter alongRows: or along columns.
    init(_ picture: LumaView, _ part: PicturePart, alongRows: Bool) {
        let part = part.within(picture)
        guard !part.isEmpty else { return }
        let (lines, length) = alongRows ? (part.height, part.width) : (part.width, part.height)
        let step = max(1, lines / Self.lines)
        for line in stride(from: 0, to: lines, by: step) {
            let start =
                alongRows
                ? picture.base + (part.y + line) * picture.stride + part.x
                : picture.base + part.y * picture.stride + part.x + line
            measure(start, length, stride: alongRows ? 1 : picture.stride)
        }
        widths.sort()
    }

    private mutating func measure(_ start: UnsafePointer<UInt8>, _ length: Int, stride: Int) {
        var before = Int(start[0])
        // Of the run so far: where it began, where it is farthest, which way it goes, its steepest step.
        var (first, extreme, direction, steepest) = (before, before, 0, 0)
        func end() -> Double? {
            let rise = abs(extreme - first)
            return rise >= Self.leastRise && steepest > 0 ? Double(rise) / Double(steepest) : nil
        }
        for place in 1..<max(1, length) {
            let value = Int(start[place * stride])
            let change = value - before
            let isBack = direction == 0 || (value - extreme) * direction < -Self.noise
            if isBack && change != 0 {
                if let width = end() { widths.append(width) }
                (first, extreme, direction, steepest) = (before, value, change > 0 ? 1 : -1, abs(change))
            } else if direction != 0 {
                if (value - extreme) * direction > 0 { extreme = value }
                steepest = max(steepest, change * direction)
            }
            before = value
        }
        if let width = end() { widths.append(width) }
    }

    /// The width that a share of the edges does not exceed; nil where there are not enough.
    func width(share: Double) -> Double? {
        guard widths.count >= Self.enough else { return nil }
        return widths[min(widths.count - 1, Int(Double(widths.count) * share))]
    }
}

/// A part of a picture, in pixels.
public struct PicturePart: Sendable, Equatable {
    /// The left and the upper side.
    public var x, y: Int
    /// How large it is.
    public var width, height: Int

    /// A part; it may reach over the picture's sides.
    public init(x: Int, y: Int, width: Int, height: Int) {
        (self.x, self.y, self.width, self.height) = (x, y, width, height)
    }

    /// The box around corners, with nothing around it.
    public init(around corners: [(x: Int, y: Int)]) {
        // Corners come from a worker that reads hostile pictures: whatever they are, sums must not trap.
        func near(_ value: Int?) -> Int { min(max(value ?? 0, -(1 << 20)), 1 << 20) }
        let (left, right) = (near(corners.map(\.x).min()), near(corners.map(\.x).max()))
        let (top, bottom) = (near(corners.map(\.y).min()), near(corners.map(\.y).max()))
        self.init(x: left, y: top, width: right - left, height: bottom - top)
    }

    var isEmpty: Bool { width < 2 || height < 2 }

    func within(_ picture: LumaView) -> PicturePart {
        let (left, top) = (min(max(x, 0), picture.width), min(max(y, 0), picture.height))
        let (right, bottom) = (min(max(x + width, left), picture.width), min(max(y + height, top), picture.height))
        return PicturePart(x: left, y: top, width: right - left, height: bottom - top)
    }
}

public import Imaging

/// What is to be known of a picture in order to aim, focus and light a camera. Pure: of pixels and corners alone.
public struct PictureFigures: Sendable, Equatable {
    /// Pixels in a row.
    public var width = 0
    /// Rows.
    public var height = 0
    /// The mean of all pixels, 0 to 255.
    public var mean = 0
    /// Percent of pixels that are black, below 16: what is lost in them no decoder sees.
    public var black = 0
    /// Percent of pixels that are white, above 252: burnt out.
    public var white = 0
    /// 100 where edges are one pixel wide, 40 at two and a half; of the codes where there are some, else of the sharpest
    /// quarter of the picture's edges. Nil where there is nothing with edges.
    public var sharpness: Int?
    /// How wide edges are along rows and along columns, in pixels; nil where there are too few to say.
    public var edges: (alongRows: Double, alongColumns: Double)?
    /// Pixels of a module of each code, in the order of the codes; nil where it cannot be measured.
    public var modules: [Double?] = []

    /// Measures a picture; 1280 by 720 pixels take some milliseconds.
    ///
    /// - Parameter codes: four corners each, in the picture's pixels.
    public init(of picture: LumaView, codes: [[(x: Int, y: Int)]]) {
        (width, height) = (picture.width, picture.height)
        guard width > 1, height > 1 else { return }
        light(picture)
        let whole = PicturePart(x: 0, y: 0, width: width, height: height)
        // At most 8: a poster of codes takes no longer.
        let parts = codes.prefix(8).map { PicturePart(around: $0).within(picture) }
        var (rows, columns) = (Self.widths(picture, parts, true), Self.widths(picture, parts, false))
        // Of codes all edges count, of a picture the sharpest quarter: its background need not be in focus.
        var share = 0.5
        if rows == nil || columns == nil || rows?.isEnough == false || columns?.isEnough == false {
            (rows, columns, share) =
                (Self.widths(picture, [whole], true), Self.widths(picture, [whole], false), 0.25)
        }
        if let rows = rows?.width(share), let columns = columns?.width(share) {
            edges = (rows, columns)
            sharpness = Self.sharpness(max(rows, columns))
        }
        modules = codes.map { ModuleSize.measure(picture, $0) }
    }

    /// No figures: of no picture.
    public init() {}

    private static func sharpness(_ width: Double) -> Int { Int((100 / max(1, width)).rounded()) }

    private struct Widths {
        var all: [Double]
        var isEnough: Bool { all.count >= EdgeWidths.enough }
        func width(_ share: Double) -> Double? {
            isEnough ? all[min(all.count - 1, Int(Double(all.count) * share))] : nil
        }
    }

    private static func widths(_ picture: LumaView, _ parts: [PicturePart], _ alongRows: Bool) -> Widths? {
        guard !parts.isEmpty else { return nil }
        return Widths(all: parts.flatMap { EdgeWidths(picture, $0, alongRows: alongRows).widths }.sorted())
    }

    private mutating func light(_ picture: LumaView) {
        var (sum, dark, bright, count) = (0, 0, 0, 0)
        for y in stride(from: 0, to: height, by: 2) {
            let row = picture.base + y * picture.stride
            for x in stride(from: 0, to: width, by: 2) {
                let value = Int(row[x])
                sum += value
                if value < 16 { dark += 1 }
                if value > 252 { bright += 1 }
                count += 1
            }
        }
        (mean, black, white) = (sum / count, dark * 100 / count, bright * 100 / count)
    }

    /// Whether two are the same.
    public static func == (one: PictureFigures, other: PictureFigures) -> Bool {
        (one.width, one.height, one.mean, one.black, one.white, one.sharpness)
            == (other.width, other.height, other.mean, other.black, other.white, other.sharpness)
            && one.edges?.alongRows == other.edges?.alongRows && one.edges?.alongColumns == other.edges?.alongColumns
            && one.modules == other.modules
    }
}

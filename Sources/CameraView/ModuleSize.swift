internal import Glibc
internal import Imaging

/// How many pixels a module of a code has, the small squares that it is made of: measured in the picture, since decoders
/// do not tell.
///
/// Along many lines through the code, stretches of black and white are multiples of one module. The answer is the longest
/// length of which nearly all stretches are multiples.
enum ModuleSize {
    private static let lines = 40
    /// Nothing smaller is ever read; and of a picture that no camera took, all stretches are multiples of one pixel.
    private static let leastModule = 1.5
    private static let mostRuns = 800

    /// Pixels of a module; nil where the corners are not four, the code is not wholly in the picture, or nothing fits.
    static func measure(_ picture: LumaView, _ corners: [(x: Int, y: Int)]) -> Double? {
        guard corners.count == 4,
            corners.allSatisfy({ (0...picture.width).contains($0.x) && (0...picture.height).contains($0.y) })
        else { return nil }
        let sides = (0..<4).map { distance(corners[$0], corners[($0 + 1) % 4]) }
        guard let side = sides.max(), let least = sides.min(), least >= 16, side <= 3 * least else { return nil }
        let runs = runs(picture, corners)
        guard runs.count >= 60 else { return nil }
        // No code has fewer than 8 modules in a row; the largest QR code has 177.
        var scores: [(module: Double, fit: Double)] = []
        var module = side / 8
        while module >= max(side / 180, leastModule) {
            let near = runs.filter { $0 < 5.5 * module }
            if near.count * 2 > runs.count {
                let sum = near.reduce(0) { $0 + cos(2 * .pi * $1 / module) }
                scores.append((module, sum / Double(near.count)))
            }
            module *= 0.99
        }
        guard let best = scores.max(by: { $0.fit < $1.fit }), best.fit > 0.4 else { return nil }
        // A half and a third of a module fit as well: the longest that does is it, at its own peak.
        guard let first = scores.firstIndex(where: { $0.fit > 0.85 * best.fit }) else { return nil }
        var peak = first
        while peak + 1 < scores.count, scores[peak + 1].fit >= scores[peak].fit { peak += 1 }
        return scores[peak].module
    }

    private static func distance(_ one: (x: Int, y: Int), _ other: (x: Int, y: Int)) -> Double {
        hypot(Double(one.x - other.x), Double(one.y - other.y))
    }

    /// Lengths of stretches, in pixels, along lines in both directions of the code.
    private static func runs(_ picture: LumaView, _ corners: [(x: Int, y: Int)]) -> [Double] {
        var runs: [Double] = []
        for line in 0..<lines {
            let place = (Double(line) + 0.5) / Double(lines)
            for isAcross in [false, true] where runs.count < mostRuns {
                let (start, end) =
                    isAcross
                    ? (between(corners[0], corners[1], place), between(corners[3], corners[2], place))
                    : (between(corners[0], corners[3], place), between(corners[1], corners[2], place))
                runs += Self.runs(picture, from: start, to: end)
            }
        }
        return runs
    }

    private static func between(
        _ one: (x: Int, y: Int), _ other: (x: Int, y: Int), _ place: Double
    ) -> (x: Double, y: Double) {
        (Double(one.x) + Double(other.x - one.x) * place, Double(one.y) + Double(other.y - one.y) * place)
    }

    private static func runs(
        _ picture: LumaView, from start: (x: Double, y: Double), to end: (x: Double, y: Double)
    ) -> [Double] {
        let length = hypot(end.x - start.x, end.y - start.y)
        let count = Int(length)
        guard count >= 16 else { return [] }
        let values = (0...count).map { step in
            let place = Double(step) / Double(count)
            return value(picture, start.x + (end.x - start.x) * place, start.y + (end.y - start.y) * place)
        }
        guard let least = values.min(), let most = values.max(), most - least > 40 else { return [] }
        let middle = (least + most) / 2
        var runs: [Double] = []
        var last: Double?
        for index in 1...count where (values[index - 1] < middle) != (values[index] < middle) {
            let part = (middle - values[index - 1]) / (values[index] - values[index - 1])
            let crossing = (Double(index - 1) + part) * length / Double(count)
            if let last { runs.append(crossing - last) }
            last = crossing
        }
        return runs
    }

    /// The picture between pixels; its centres are at halves.
    private static func value(_ picture: LumaView, _ x: Double, _ y: Double) -> Double {
        let (x, y) = (min(max(x - 0.5, 0), Double(picture.width - 1)), min(max(y - 0.5, 0), Double(picture.height - 1)))
        let (left, top) = (Int(x), Int(y))
        let (right, bottom) = (min(left + 1, picture.width - 1), min(top + 1, picture.height - 1))
        let (dx, dy) = (x - Double(left), y - Double(top))
        let upper = Double(picture[left, top]) * (1 - dx) + Double(picture[right, top]) * dx
        let lower = Double(picture[left, bottom]) * (1 - dx) + Double(picture[right, bottom]) * dx
        return upper * (1 - dy) + lower * dy
    }
}

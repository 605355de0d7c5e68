internal import CImaging

/// A place in a picture that looks like one of a QR code's three corner marks.
public struct FinderMark: Sendable, Equatable {
    /// Its middle, in pixels from the left.
    public var x: Int
    /// Its middle, in pixels from above.
    public var y: Int
    /// Its width in pixels: seven modules of the code.
    public var size: Int
}

extension FinderMark {
    /// Whether three of some marks lie as those of one code do: of about one size, at the ends of two sides of about one
    /// length and a right angle. Perspective may bend all that by a third.
    public static func holdCode(_ marks: [FinderMark]) -> Bool {
        for corner in marks {
            let sides = marks.filter { other in
                let away = corner.squaredDistance(to: other)
                // 14 modules between the middles of two marks of the smallest code, 84 of one of version 20.
                return corner.size * 5 < other.size * 8 && other.size * 5 < corner.size * 8
                    && away >= corner.size * corner.size * 2 && away <= corner.size * corner.size * 144
            }
            for (index, one) in sides.enumerated() {
                for other in sides[(index + 1)...] where corner.isCorner(between: one, other) { return true }
            }
        }
        return false
    }

    private func squaredDistance(to other: FinderMark) -> Int {
        (x - other.x) * (x - other.x) + (y - other.y) * (y - other.y)
    }

    private func isCorner(between one: FinderMark, _ other: FinderMark) -> Bool {
        let (first, second) = (squaredDistance(to: one), squaredDistance(to: other))
        guard first * 4 < second * 9, second * 4 < first * 9 else { return false }
        let product = (one.x - x) * (other.x - x) + (one.y - y) * (other.y - y)
        // The cosine of the angle is below 0.4.
        return product * product * 25 < first * second * 4
    }
}

extension LumaView {
    /// How sharp a picture is: the variance of its Laplacian. Below about 50 a label is hard to read.
    ///
    /// - Parameter step: every so many rows are looked at.
    public func sharpness(step: Int = 4) -> Double {
        scangate_sharpness(base, stride, width, height, max(1, step))
    }

    /// The corner marks of QR codes in a black and white picture (`LumaImage.become(thresholdOf:block:offset:)`).
    ///
    /// - Parameters:
    ///   - step: every so many rows are looked at; a mark whose middle is narrower may be missed.
    ///   - least: how wide a mark is at least, in pixels; narrower than 12, noise has many.
    ///   - most: how many are enough.
    public func finderMarks(step: Int, least: Int = 12, most: Int) -> [FinderMark] {
        withUnsafeTemporaryAllocation(of: scangate_finder.self, capacity: max(1, most)) { marks in
            let count = scangate_finders(
                base, stride, width, height, max(1, step), Int32(clamping: least), marks.baseAddress, most)
            return marks[..<count].map { FinderMark(x: Int($0.x), y: Int($0.y), size: Int($0.size)) }
        }
    }
}

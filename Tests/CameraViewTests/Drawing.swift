import Glibc
import Imaging
import TestSupport

/// Pictures made for tests.
enum Drawing {
    /// A picture of a function of its pixels.
    static func picture(_ width: Int, _ height: Int, _ pixel: (_ x: Int, _ y: Int) -> Double) -> LumaImage {
        let image = LumaImage(width: width, height: height)
        image.withPixels { pixels in
            for y in 0..<height {
                for x in 0..<width { pixels[y * width + x] = UInt8(min(255, max(0, pixel(x, y).rounded()))) }
            }
        }
        return image
    }

    /// Modules, dark ones true, of no sense but with a code's statistics.
    static func modules(_ count: Int, seed: UInt64) -> [[Bool]] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in (0..<count).map { _ in Bool.random(using: &random) } }
    }

    /// A code in the middle of a picture of light grey, turned by an angle, each pixel the mean of 3 by 3 samples.
    static func code(
        _ modules: [[Bool]], module: Double, angle: Double = 0, width: Int = 420, height: Int = 420,
        dark: Double = 40, light: Double = 210
    ) -> (image: LumaImage, corners: [(x: Int, y: Int)]) {
        let count = modules.count
        let half = Double(count) * module / 2
        let (cosine, sine) = (cos(angle), sin(angle))
        let (middleX, middleY) = (Double(width) / 2, Double(height) / 2)
        let image = picture(width, height) { x, y in
            var sum = 0.0
            for dy in 0..<3 {
                for dx in 0..<3 {
                    let (px, py) = (
                        Double(x) + (Double(dx) + 0.5) / 3 - middleX, Double(y) + (Double(dy) + 0.5) / 3 - middleY
                    )
                    let (u, v) = (px * cosine + py * sine + half, -px * sine + py * cosine + half)
                    let (column, row) = (Int((u / module).rounded(.down)), Int((v / module).rounded(.down)))
                    let isDark = (0..<count).contains(column) && (0..<count).contains(row) && modules[row][column]
                    sum += isDark ? dark : light
                }
            }
            return sum / 9
        }
        let corners = [(-half, -half), (half, -half), (half, half), (-half, half)].map { u, v in
            (
                x: Int((u * cosine - v * sine + middleX).rounded()), y: Int((u * sine + v * cosine + middleY).rounded())
            )
        }
        return (image, corners)
    }

    /// The picture smeared: each pixel the mean of its neighbours, so many on each side.
    static func smeared(_ image: LumaImage, alongRows: Int = 0, alongColumns: Int = 0) -> LumaImage {
        let view = image.view
        return picture(view.width, view.height) { x, y in
            var (sum, count) = (0, 0)
            for dy in -alongColumns...alongColumns {
                for dx in -alongRows...alongRows {
                    sum += Int(view[min(max(x + dx, 0), view.width - 1), min(max(y + dy, 0), view.height - 1)])
                    count += 1
                }
            }
            return Double(sum) / Double(count)
        }
    }
}

internal import Decoding
internal import Glibc
public import Imaging
public import Model
internal import Pictures

/// Numbers that look random and are the same each time.
public struct Noise {
    private var state: UInt64

    /// The same numbers for the same seed.
    public init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    /// 0 to `bound` - 1.
    public mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    /// Gaussian enough, with a deviation of 1.
    public mutating func gaussian() -> Double { Self.table[next(Self.table.count)] }

    /// Sums of twelve, made once: a debug build takes its time for them.
    private static let table: [Double] = {
        var noise = Noise(1)
        return (0..<4096).map { _ in
            var sum = -6.0
            for _ in 0..<12 { sum += Double(noise.next(65536)) / 65536 }
            return sum
        }
    }()
}

/// Test pictures of `Tests/Data`.
public enum TestData {
    /// `Tests/Data` of this source tree.
    public static let folder = "/" + "\(#filePath)".split(separator: "/").dropLast(2).joined(separator: "/") + "/Data"

    /// A file's bytes; none where it cannot be read.
    public static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    /// A picture, by its path in the folder.
    public static func picture(_ path: String) throws -> LumaImage {
        let picture = LumaImage()
        try PictureFile.read(bytes(folder + "/" + path), into: picture)
        return picture
    }

    /// A text, by its path in the folder.
    public static func text(_ path: String) -> String { String(decoding: bytes(folder + "/" + path), as: UTF8.self) }

    /// The PNGs in a folder, without their endings, sorted.
    public static func names(in path: String) -> [String] {
        guard let directory = opendir(folder + "/" + path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name.hasSuffix(".png") { names.append(String(name.dropLast(4))) }
        }
        return names.sorted()
    }
}

/// A picture with labels in it, as a camera would see them.
public struct Scene {
    /// What the camera would send.
    public private(set) var picture: LumaImage
    private let spare = LumaImage()

    /// Grey, with slow waves of light.
    public init(width: Int, height: Int) {
        picture = LumaImage(width: width, height: height)
        picture.withPixels { pixels in
            for y in 0..<height {
                for x in 0..<width { pixels[y * width + x] = UInt8(120 + (x / 40 + y / 30) % 16) }
            }
        }
    }

    /// Puts a label of `Tests/Data/labels` in, turned by `angle` (radians, clockwise) around its middle.
    ///
    /// - Returns: the corners of the code without its margin, its own upper left first, clockwise.
    @discardableResult
    public func place(
        _ name: String, x: Int, y: Int, module: Double, angle: Double = 0, dark: Int = 30, light: Int = 220,
        margin: Int = 4
    ) throws -> [PicturePoint] {
        let label = try TestData.picture("labels/\(name).png")
        let (side, sine, cosine) = (Double(label.width), sin(angle), cos(angle))
        let reach = Int(side * module * 0.75) + 2
        let cut = 4 - margin
        let view = label.view
        picture.withPixels { pixels in
            for row in max(0, y - reach)..<min(picture.height, y + reach) {
                for column in max(0, x - reach)..<min(picture.width, x + reach) {
                    var (sum, covered) = (0, 0)
                    for (dx, dy) in [(-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25)] {
                        let (h, v) = (Double(column - x) + dx, Double(row - y) + dy)
                        let u = ((h * cosine + v * sine) / module + side / 2).rounded(.down)
                        let w = ((v * cosine - h * sine) / module + side / 2).rounded(.down)
                        let (least, most) = (Double(cut), side - Double(cut))
                        guard u >= least, u < most, w >= least, w < most else { continue }
                        sum += view[Int(u), Int(w)] == 0 ? dark : light
                        covered += 1
                    }
                    let index = row * picture.width + column
                    pixels[index] = UInt8((sum + Int(pixels[index]) * (4 - covered)) / 4)
                }
            }
        }
        let half = (side / 2 - 4) * module
        return [(-half, -half), (half, -half), (half, half), (-half, half)].map { h, v in
            PicturePoint(
                x: x + Int((h * cosine - v * sine).rounded()), y: y + Int((h * sine + v * cosine).rounded()))
        }
    }

    /// As a lens does.
    public mutating func blur(_ sigma: Double) {
        spare.become(blurOf: picture.view, sigma: sigma)
        picture.become(copyOf: spare.view)
    }

    /// As a label printed light on dark.
    public mutating func invert() {
        spare.become(inverseOf: picture.view)
        picture.become(copyOf: spare.view)
    }

    /// As a sensor does.
    public func roughen(_ sigma: Double, seed: UInt64) {
        var noise = Noise(seed)
        picture.withPixels { pixels in
            var index = 0
            while index < pixels.count {
                let value = Double(pixels[index]) + noise.gaussian() * sigma
                pixels[index] = value < 0 ? 0 : value > 255 ? 255 : UInt8(value)
                index += 1
            }
        }
    }
}

/// The most that corners differ, in pixels along one axis.
public func distance(_ one: [PicturePoint], _ other: [PicturePoint]) -> Int {
    guard one.count == other.count else { return .max }
    return zip(one, other).map { max(abs($0.x - $1.x), abs($0.y - $1.y)) }.max() ?? .max
}

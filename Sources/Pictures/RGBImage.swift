public import Imaging

/// A picture in colours, to draw on: what a person looks at. Three bytes a pixel.
public struct RGBImage: Sendable {
    /// A colour, 0 to 255 each.
    public struct Colour: Sendable, Equatable {
        /// How much of each.
        public var red, green, blue: UInt8

        /// A colour.
        public init(red: UInt8, green: UInt8, blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }

        /// For what was read.
        public static let green = Colour(red: 0, green: 220, blue: 0)
        /// For what was refused.
        public static let red = Colour(red: 255, green: 0, blue: 0)
        /// For what was seen and not read.
        public static let yellow = Colour(red: 255, green: 200, blue: 0)
    }

    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    var pixels: [UInt8]

    /// A luma picture's grey, to draw on.
    public init(_ luma: LumaView) {
        (width, height) = (luma.width, luma.height)
        pixels = []
        pixels.reserveCapacity(3 * width * height)
        for y in 0..<height {
            for x in 0..<width {
                let value = luma.base[y * luma.stride + x]
                pixels.append(value)
                pixels.append(value)
                pixels.append(value)
            }
        }
    }

    /// A pixel; setting one outside the picture does nothing.
    public subscript(x: Int, y: Int) -> Colour {
        get {
            precondition(x >= 0 && x < width && y >= 0 && y < height, "outside the picture")
            let at = 3 * (y * width + x)
            return Colour(red: pixels[at], green: pixels[at + 1], blue: pixels[at + 2])
        }
        set {
            guard x >= 0, x < width, y >= 0, y < height else { return }
            let at = 3 * (y * width + x)
            (pixels[at], pixels[at + 1], pixels[at + 2]) = (newValue.red, newValue.green, newValue.blue)
        }
    }

    /// Draws a straight line, both ends included; what of it is outside the picture is left out.
    ///
    /// - Parameter thickness: pixels, around the line.
    public mutating func line(
        from start: (x: Int, y: Int), to end: (x: Int, y: Int), colour: Colour, thickness: Int = 3
    ) {
        // Far outside there is nothing to draw, and no end to the drawing of it.
        func near(_ value: Int, _ side: Int) -> Int { min(max(value, -side - 64), 2 * side + 64) }
        let (x0, y0) = (near(start.x, width), near(start.y, height))
        let (x1, y1) = (near(end.x, width), near(end.y, height))
        let steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        let thickness = max(1, min(thickness, 64))
        for step in 0...steps {
            let (x, y) = (x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps)
            for dy in 0..<thickness {
                for dx in 0..<thickness { self[x + dx - thickness / 2, y + dy - thickness / 2] = colour }
            }
        }
    }

    /// Draws a closed outline through corners; fewer than two draw nothing.
    public mutating func outline(_ corners: [(x: Int, y: Int)], colour: Colour, thickness: Int = 3) {
        guard corners.count >= 2 else { return }
        for index in corners.indices {
            line(
                from: corners[index], to: corners[(index + 1) % corners.count], colour: colour, thickness: thickness)
        }
    }
}

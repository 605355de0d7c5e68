public import Imaging

/// Draws pictures as text: two pixels a character by the upper half block, the colours being its foreground and its
/// background. Pure.
public struct TerminalPicture: Sendable {
    /// What the terminal can show.
    public enum Colours: Sendable {
        /// 24 bits.
        case full
        /// The 24 greys of 256 colours, and their black and white.
        case greys
    }

    /// Columns and rows that may be used.
    public var columns, rows: Int
    /// How colours are written.
    public var colours: Colours

    /// A drawer for so many characters, at least one each way and at most 1,000.
    public init(columns: Int, rows: Int, colours: Colours) {
        self.columns = min(max(columns, 1), 1000)
        self.rows = min(max(rows, 1), 1000)
        self.colours = colours
    }

    private enum Pixel: Equatable {
        case grey(UInt8)
        case outline
    }

    /// How large a picture becomes, in half characters: as large as it fits, its sides in proportion.
    func size(of picture: LumaView) -> (width: Int, height: Int) {
        guard picture.width > 0, picture.height > 0 else { return (0, 0) }
        let (widest, highest) = (min(columns, picture.width), min(2 * rows, picture.height))
        let width = min(widest, max(1, highest * picture.width / picture.height))
        return (width, min(highest, max(1, width * picture.height / picture.width)))
    }

    /// The text: lines with `\n` behind each, colours reset at the end of each.
    ///
    /// - Parameter codes: corners, in the picture's pixels, of what is outlined.
    public func text(_ picture: LumaView, codes: [[(x: Int, y: Int)]] = []) -> String {
        let (width, height) = size(of: picture)
        guard width > 0, height > 0 else { return "" }
        var pixels = shrink(picture, width, height)
        for corners in codes { outline(corners, of: picture, in: &pixels, width, height) }
        var text = ""
        for top in stride(from: 0, to: height, by: 2) {
            var last: (Pixel, Pixel?)?
            for x in 0..<width {
                let upper = pixels[top * width + x]
                let lower = top + 1 < height ? pixels[(top + 1) * width + x] : nil
                if last == nil || last?.0 != upper || last?.1 != lower {
                    text += "\u{1B}[" + code(upper, isBackground: false)
                    if let lower { text += ";" + code(lower, isBackground: true) }
                    text += "m"
                }
                last = (upper, lower)
                text += "▀"
            }
            text += "\u{1B}[0m\n"
        }
        return text
    }

    private func code(_ pixel: Pixel, isBackground: Bool) -> String {
        let plane = isBackground ? "48" : "38"
        switch (pixel, colours) {
        case (.grey(let value), .full): return "\(plane);2;\(value);\(value);\(value)"
        case (.outline, .full): return "\(plane);2;0;220;0"
        case (.grey(let value), .greys): return "\(plane);5;\(Self.grey(value))"
        case (.outline, .greys): return "\(plane);5;40"
        }
    }

    /// The number of a grey among 256 colours: 16 is black, 231 white, 232 to 255 are 8, 18, … 238.
    static func grey(_ value: UInt8) -> Int {
        switch value {
        case ..<4: 16
        case 247...: 231
        default: 232 + min(23, max(0, (Int(value) - 3) / 10))
        }
    }

    /// Means of the pixels that fall into one.
    private func shrink(_ picture: LumaView, _ width: Int, _ height: Int) -> [Pixel] {
        var pixels: [Pixel] = []
        pixels.reserveCapacity(width * height)
        for y in 0..<height {
            let rows =
                (y * picture.height / height)..<max(y * picture.height / height + 1, (y + 1) * picture.height / height)
            for x in 0..<width {
                let left = x * picture.width / width
                let right = max(left + 1, (x + 1) * picture.width / width)
                var sum = 0
                for row in rows {
                    let line = picture.base + row * picture.stride
                    for column in left..<right { sum += Int(line[column]) }
                }
                pixels.append(.grey(UInt8(sum / (rows.count * (right - left)))))
            }
        }
        return pixels
    }

    private func outline(
        _ corners: [(x: Int, y: Int)], of picture: LumaView, in pixels: inout [Pixel], _ width: Int, _ height: Int
    ) {
        guard corners.count >= 2 else { return }
        // Far outside there is nothing to draw, and no end to the drawing of it.
        let places = corners.map { corner in
            (
                x: min(max(corner.x, -picture.width), 2 * picture.width) * width / picture.width,
                y: min(max(corner.y, -picture.height), 2 * picture.height) * height / picture.height
            )
        }
        for index in places.indices {
            let (from, to) = (places[index], places[(index + 1) % places.count])
            let steps = max(abs(to.x - from.x), abs(to.y - from.y), 1)
            for step in 0...steps {
                let (x, y) = (from.x + (to.x - from.x) * step / steps, from.y + (to.y - from.y) * step / steps)
                if (0..<width).contains(x), (0..<height).contains(y) { pixels[y * width + x] = .outline }
            }
        }
    }
}

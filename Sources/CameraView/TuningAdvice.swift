/// What to change at a camera, in sentences; the first is the most important one.
public enum TuningAdvice {
    /// From here on a picture is sharp enough: edges of 2.5 pixels.
    public static let goodSharpness = 40
    /// Below this no decoder reads small codes.
    public static let leastSharpness = 20
    /// The mean of all pixels.
    public static let goodMean = 60...215
    /// Pixels a module that are read at any angle and in noise.
    public static let goodModule = 3.0
    /// Pixels a module below which hardly anything is read.
    public static let leastModule = 2.0

    /// Judges figures; never empty.
    public static func sentences(_ figures: PictureFigures) -> [String] {
        light(figures) + edges(figures) + modules(figures) ?? fallback(figures)
    }

    private static var good: String { "\(goodMean.lowerBound) to \(goodMean.upperBound)" }

    private static func light(_ figures: PictureFigures) -> [String] {
        if !goodMean.contains(figures.mean) && figures.mean < 128 || figures.black >= 60 {
            return [
                "light: the picture is dark (mean \(figures.mean), \(figures.black) % black; \(good) is good): bring light, "
                    + "open the lens, or raise the exposure"
            ]
        }
        if figures.white >= 10 || !goodMean.contains(figures.mean) {
            return [
                "light: \(figures.white) % of the picture is burnt out (mean \(figures.mean), \(good) is good): lower the "
                    + "exposure, or turn the lamp so that labels do not mirror it"
            ]
        }
        return []
    }

    private static func edges(_ figures: PictureFigures) -> [String] {
        guard let sharpness = figures.sharpness, let edges = figures.edges else {
            return ["there is nothing with edges in view: lay a label under the camera, where labels pass"]
        }
        guard sharpness < goodSharpness else { return [] }
        let (rows, columns) = (edges.alongRows, edges.alongColumns)
        if max(rows, columns) > 1.7 * min(rows, columns) {
            let way = rows > columns ? "from side to side" : "up and down"
            return [
                "motion: the picture is smeared \(way) (edges \(tenths(max(rows, columns))) pixels wide there, "
                    + "\(tenths(min(rows, columns))) across): shorten the exposure and bring more light"
            ]
        }
        let how = sharpness < leastSharpness ? "" : " a little"
        return [
            "focus: turn the lens\(how), or change the distance; sharpness \(sharpness), \(goodSharpness) or more is good"
        ]
    }

    private static func modules(_ figures: PictureFigures) -> [String] {
        guard let least = figures.modules.compactMap({ $0 }).min(), least < goodModule else { return [] }
        let danger = least < leastModule ? "codes are missed" : "codes are missed when they move or are worn"
        return [
            "size: a code has \(tenths(least)) pixels a module, \(danger); \(tenths(goodModule)) or more are good: move the "
                + "camera closer, take a longer lens, or a larger picture"
        ]
    }

    private static func fallback(_ figures: PictureFigures) -> [String] {
        figures.modules.isEmpty
            ? ["sharp and well lit, and no code is read: is one in view, whole, with a white margin around it?"]
            : ["good as it is"]
    }

    /// With one digit behind the point.
    public static func tenths(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}

private func ?? (sentences: [String], other: @autoclosure () -> [String]) -> [String] {
    sentences.isEmpty ? other() : sentences
}

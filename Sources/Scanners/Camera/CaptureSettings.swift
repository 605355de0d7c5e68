public import Model
public import Posix

/// What `device add` takes for a camera.
public struct CaptureSettings: Sendable, Equatable {
    /// A setting of the camera's own.
    public enum Level: Sendable, Equatable {
        /// The camera finds it itself.
        case auto
        /// This, in the driver's units.
        case fixed(Int)
    }

    /// The size that is asked for; the nearest that the camera offers is taken.
    public var size = VideoSize(1280, 720)
    /// Frames a second that are asked for.
    public var rate = 30.0
    /// How pixels are written; nil for whatever is best.
    public var format: VideoFormat?
    /// How long a frame is exposed, in 100 µs; nil leaves it as it is. Short keeps moving labels sharp.
    public var exposure: Level?
    /// The sensor's gain; nil leaves it as it is.
    public var gain: Level?
    /// The lens; nil leaves it as it is.
    public var focus: Level?
    /// Which kinds of code are read.
    public var symbologies: Set<Symbology> = [.qr]
    /// What a label is: the text of a code as UTF-8, where the code says in which character set it is; and where it does
    /// not, and is not UTF-8 either, by this rule. What is no text then is its bytes, as they are.
    public var charset = Charset.utf8
    /// Which labels count.
    public var belt = BeltSettings()

    /// Everything has its default.
    public init() {}

    /// The options, in the registry's words; belt's own are beside them.
    static let options: Set = ["size", "rate", "format", "exposure", "gain", "focus", "symbologies", "charset"]

    /// Reads the options as the registry keeps them.
    public init(options: [String: String]) throws(ScannerOptionMistake) {
        let reader = OptionReader(options: options)
        size = try Self.size(reader) ?? size
        rate = Double(try reader.number("rate", in: 1...1000, Int(rate)))
        if let text = reader["format"] {
            guard let format = CameraChoice.formats.first(where: { $0.description == text.uppercased() }) else {
                let all = CameraChoice.formats.map(\.description).joined(separator: ", ")
                throw reader.mistake("format", "write one of \(all)")
            }
            self.format = format
        }
        exposure = try Self.level("exposure", reader)
        gain = try Self.level("gain", reader)
        focus = try Self.level("focus", reader)
        if let text = reader["symbologies"] {
            let words = text.split(separator: ",").map { $0.lowercased() }
            let known = Self.readable.map { ($0.rawValue.lowercased(), $0) }
            symbologies = Set(words.compactMap { word in known.first { $0.0 == word }?.1 })
            guard symbologies.count == Set(words).count, !words.isEmpty else {
                let all = Self.readable.map(\.rawValue).joined(separator: ",")
                throw reader.mistake("symbologies", "write some of \(all)")
            }
        }
        charset = try reader.choice("charset", charset)
        belt = try BeltSettings(options: options)
    }

    /// The formats that frames are taken in, the best first.
    public static var formats: [VideoFormat] { CameraChoice.formats }

    /// What a camera can be told to read.
    private static let readable = Symbology.allCases.filter { $0 != .unknown }

    private static func size(_ reader: OptionReader) throws(ScannerOptionMistake) -> VideoSize? {
        guard let text = reader["size"] else { return nil }
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard sides.count == 2, sides.allSatisfy({ (16...4096).contains($0) }) else {
            throw reader.mistake("size", "write WIDTHxHEIGHT, each from 16 to 4096, such as 1280x720")
        }
        return VideoSize(sides[0], sides[1])
    }

    private static func level(_ name: String, _ reader: OptionReader) throws(ScannerOptionMistake) -> Level? {
        guard let text = reader[name] else { return nil }
        if text == "auto" { return .auto }
        guard let value = Int(text), (-65_536...1_000_000).contains(value) else {
            throw reader.mistake(name, "write auto, or a number that the camera takes: scangate camera list")
        }
        return .fixed(value)
    }
}

public import Imaging
public import Model

/// Reads the codes of pictures: frames of a camera, or files. One thread.
///
/// A picture is looked at in several ways (`Plan`), by two decoders, until it has shown a code and nothing is left that
/// looks like another. What was read is painted over before the next look. Memory is kept for the next picture.
public struct CodeReader: ~Copyable {
    /// How much time a picture is worth.
    public enum Effort: Sendable, Equatable {
        /// All passes: a picture that does not come again.
        case still
        /// A frame of a stream, by its number: the quick passes, and one group of the others in turn, so that five frames
        /// of the same sight get all.
        case frame(Int)
    }

    /// The most codes that are read of one picture.
    public static let maxCodes = 64

    private let symbologies: Set<Symbology>
    private let onlyQR: Bool
    private let zbar: [Int32]
    private let zxing: ZXingReader
    private let text: TextReader
    private let bench = Workbench()
    private let note: (CodeDecoder?) -> Void
    private var leftOut: CodeDecoder?

    /// A reader of some kinds of code; throws `DecodingError` where a library is missing or a kind is unknown to both.
    ///
    /// - Parameters:
    ///   - charset: what bytes are that no rule of their code and no UTF-8 makes text.
    ///   - note: called with the decoder that is about to look at a picture, and with nil when it has.
    public init(
        symbologies: Set<Symbology> = [.qr], charset: Charset = .utf8, note: @escaping (CodeDecoder?) -> Void = { _ in }
    ) throws(DecodingError) {
        guard !symbologies.isEmpty else { throw DecodingError.noSymbology }
        for symbology in symbologies where symbology.zxing == 0 { throw DecodingError.symbology(symbology) }
        let zbar = Set(symbologies.flatMap(\.zbar)).sorted()
        // Loads the library now, not at the first picture that needs it.
        _ = try ZBarScanner(zbar)
        let text = try TextReader(charset)
        zxing = try ZXingReader(symbologies.reduce(0) { $0 | $1.zxing })
        (self.symbologies, onlyQR) = (symbologies, symbologies == [.qr])
        (self.zbar, self.text, self.note) = (zbar, text, note)
    }

    /// Every code that is found, each once, with corners in the picture's own pixels.
    ///
    /// - Parameter leftOut: a decoder that is not to see the picture.
    public mutating func read(
        _ picture: LumaView, effort: Effort, without leftOut: CodeDecoder? = nil
    ) throws(DecodingError) -> [DecodedCode] {
        self.leftOut = leftOut
        guard picture.width > 0, picture.height > 0 else { return [] }
        defer { bench.end() }
        var codes: [DecodedCode] = []
        let isLarge = max(picture.width, picture.height) > Plan.large
        switch effort {
        case .still:
            try read(picture, longest: Plan.large, effort: effort, adding: &codes)
            if codes.isEmpty, isLarge { try read(picture, longest: nil, effort: effort, adding: &codes) }
        // Small codes of large frames have every fourth.
        case .frame(let number):
            let isWhole = number & 3 == 3
            try read(picture, longest: isWhole ? nil : Plan.large, effort: effort, adding: &codes)
        }
        for index in codes.indices where codes[index].text == nil { codes[index].text = text.text(codes[index].bytes) }
        return codes
    }

    private func read(
        _ picture: LumaView, longest: Int?, effort: Effort, adding codes: inout [DecodedCode]
    ) throws(DecodingError) {
        bench.begin(picture, longest: longest)
        let passes = Plan.passes(width: picture.width, height: picture.height, effort: effort)
        var crowded = false
        for (index, pass) in passes.enumerated() {
            var found = try look(pass, adding: &codes)
            var isMore = found ? isMoreLeft() : true
            // zxing finds some of many, and others when those are gone.
            while found, isMore, pass.decoder == .zxing, codes.count < Self.maxCodes {
                found = try look(pass, adding: &codes)
                if found { isMore = isMoreLeft() }
            }
            if !isMore || codes.count >= Self.maxCodes { break }
            if crowded { continue }
            let isFrameUnread = codes.isEmpty && effort != .still && index == Plan.quick.count - 1
            if !codes.isEmpty || isFrameUnread && bench.showsCode() {
                crowded = true
                if try look(Plan.crowd, adding: &codes), !isMoreLeft() { break }
            }
        }
    }

    /// Whether there may be a code beside those that were read. Only QR codes show by marks; of other kinds there may
    /// always be one.
    private func isMoreLeft() -> Bool { !onlyQR || bench.showsCode() }

    /// One pass: adds what is new, and paints it over. Whether there was something new.
    private func look(_ pass: Pass, adding codes: inout [DecodedCode]) throws(DecodingError) -> Bool {
        if pass.decoder == leftOut { return false }
        if pass.decoder == .zxing, bench.isTangled(at: pass.scale) { return false }
        let view = bench.prepared(for: pass)
        // Smaller than the smallest code.
        guard min(view.width, view.height) >= 20 else { return false }
        if pass.marks > 0, view.finderMarks(step: 2, most: pass.marks).count < pass.marks { return false }
        note(pass.decoder)
        defer { note(nil) }
        let seen =
            switch pass.decoder {
            case .zxing: zxing.read(view, binarizer: pass.block == nil ? .local : .done)
            case .zbar: zbar.isEmpty ? [] : try ZBarScanner(zbar).scan(view)
            }
        var fresh: [DecodedCode] = []
        for var code in seen where codes.count < Self.maxCodes {
            code.corners = code.corners.map { bench.original($0, at: pass.scale) }
            guard symbologies.contains(code.symbology) || isAsked(code.symbology) else { continue }
            guard !codes.contains(where: { $0.isSame(as: code) }) else { continue }
            codes.append(code)
            fresh.append(code)
        }
        for code in fresh { bench.paint(over: code.corners) }
        return !fresh.isEmpty
    }

    /// Decoders do not tell GS1-128 from Code 128 before they have read it.
    private func isAsked(_ symbology: Symbology) -> Bool {
        (symbology == .gs1128 || symbology == .code128) && !symbologies.isDisjoint(with: [.gs1128, .code128])
    }
}

extension DecodedCode {
    /// Whether this is the same code, seen again: the same bytes at the same place.
    fileprivate func isSame(as other: DecodedCode) -> Bool {
        bytes == other.bytes && symbology == other.symbology && part == other.part
            && (holds(other.middle) || other.holds(middle))
    }

    private var middle: PicturePoint {
        let count = max(1, corners.count)
        return PicturePoint(x: corners.map(\.x).reduce(0, +) / count, y: corners.map(\.y).reduce(0, +) / count)
    }

    private func holds(_ point: PicturePoint) -> Bool {
        let (x, y) = (corners.map(\.x), corners.map(\.y))
        guard let left = x.min(), let right = x.max(), let top = y.min(), let bottom = y.max() else { return false }
        return left <= point.x && point.x <= right && top <= point.y && point.y <= bottom
    }
}

internal import CZXing
internal import Imaging
internal import Model

/// zxing's reader, whose memory is used again for the next picture. One thread.
struct ZXingReader: ~Copyable {
    /// How zxing makes a picture black and white.
    enum Binarizer: Sendable, Equatable {
        /// By the mean around each pixel: its own way.
        case local
        /// It is black and white.
        case done

        fileprivate var number: Int32 {
            switch self {
            case .local: Int32(SCANGATE_ZXING_LOCAL)
            case .done: Int32(SCANGATE_ZXING_BINARY)
            }
        }
    }

    private let reader: OpaquePointer
    private let symbologies: UInt32

    /// A reader for some of zxing's own bits of symbologies.
    init(_ symbologies: UInt32) throws(DecodingError) {
        guard let reader = scangate_zxing_make() else { throw DecodingError.memory }
        (self.reader, self.symbologies) = (reader, symbologies)
    }

    deinit { scangate_zxing_free(reader) }

    /// Every code of a picture; nothing where the library fails in it.
    func read(_ picture: LumaView, binarizer: Binarizer) -> [DecodedCode] {
        let wish = scangate_zxing_wish(
            symbologies: symbologies, binarizer: binarizer.number, try_harder: 1, try_smaller: 0)
        let count = scangate_zxing_read(
            reader, picture.base, Int32(picture.width), Int32(picture.height), Int32(picture.stride), wish)
        guard count > 0 else { return [] }
        return (0..<count).compactMap { index in
            let code = scangate_zxing_get(reader, index)
            let aim = withUnsafeBytes(of: code.aim) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard let symbology = Symbology(zxing: code.symbology, aim: aim) else { return nil }
            let bytes = Array(UnsafeBufferPointer(start: code.data, count: code.size))
            let own = code.text.map { text in
                String(decoding: UnsafeRawBufferPointer(start: text, count: code.text_size), as: UTF8.self)
            }
            let (x, y) = (code.x, code.y)
            let corners = [(x.0, y.0), (x.1, y.1), (x.2, y.2), (x.3, y.3)]
            return DecodedCode(
                bytes: bytes, text: own ?? String(validating: bytes, as: UTF8.self), symbology: symbology,
                corners: corners.map { PicturePoint(x: Int($0.0), y: Int($0.1)) },
                part: code.part < 0 ? nil : CodePart(index: Int(code.part), count: Int(code.parts)))
        }
    }
}

internal import CZBar
internal import Imaging
internal import Model

/// zbar, for one picture: what it finds depends on what was scanned before with the same scanner, and each scan with a
/// code leaves memory behind in it; a fresh one costs 5 µs.
struct ZBarScanner: ~Copyable {
    private let scanner: OpaquePointer

    /// A scanner for some of zbar's own numbers of symbologies.
    init(_ symbologies: [Int32]) throws(DecodingError) {
        if let fault = scangate_zbar_load() { throw DecodingError.library(String(cString: fault)) }
        guard let scanner = scangate_zbar_make() else { throw DecodingError.memory }
        self.scanner = scanner
        for symbology in symbologies {
            scangate_zbar_set(scanner, symbology, Int32(SCANGATE_ZBAR_ENABLE), 1)
            // What zbar makes of bytes that are no ASCII is guessed, and wrong.
            scangate_zbar_set(scanner, symbology, Int32(SCANGATE_ZBAR_BINARY), 1)
        }
    }

    deinit { scangate_zbar_free(scanner) }

    /// Every whole code of a picture whose rows follow each other without gaps.
    ///
    /// Parts of a structured append are left out, and what zbar joined of them: it tells no part's number.
    func scan(_ picture: LumaView) -> [DecodedCode] {
        precondition(picture.isContiguous, "zbar knows no stride")
        guard scangate_zbar_scan(scanner, picture.base, UInt32(picture.width), UInt32(picture.height)) > 0 else {
            return []
        }
        var codes: [DecodedCode] = []
        var symbol = scangate_zbar_symbol()
        var position: Int32 = 0
        while scangate_zbar_next(scanner, position, &symbol) != 0 {
            position += 1
            guard symbol.joined == 0, let symbology = Symbology(zbar: symbol.symbology) else { continue }
            let bytes = Array(UnsafeBufferPointer(start: symbol.data, count: symbol.size))
            var corners = (0..<symbol.points).map { index in
                var (x, y): (Int32, Int32) = (0, 0)
                scangate_zbar_point(scanner, index, &x, &y)
                return PicturePoint(x: Int(x), y: Int(y))
            }
            if symbology == .qr, corners.count == 4 {
                // zbar goes round the other way.
                corners.swapAt(1, 3)
            } else {
                corners = Self.frame(around: corners)
            }
            codes.append(
                DecodedCode(
                    bytes: bytes, text: String(validating: bytes, as: UTF8.self), symbology: symbology,
                    corners: corners))
        }
        return codes
    }

    /// For bar codes, of which zbar tells where it crossed them.
    private static func frame(around points: [PicturePoint]) -> [PicturePoint] {
        guard let left = points.map(\.x).min(), let right = points.map(\.x).max(),
            let top = points.map(\.y).min(), let bottom = points.map(\.y).max()
        else { return [] }
        return [(left, top), (right, top), (right, bottom), (left, bottom)].map { PicturePoint(x: $0.0, y: $0.1) }
    }
}

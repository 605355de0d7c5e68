internal import CZBar
internal import Imaging
internal import Model

/// zbar, for one picture: what it finds depends on what was scanned before with the same scanner, and each scan with a
/// code leaves memory behind in it; a fresh one costs 5 µs.
struct ZBarScanner: ~Copyable {
    private let scanner: OpaquePointer

    init() throws(DecodingError) {
        if let fault = scangate_zbar_load() { throw DecodingError.library(String(cString: fault)) }
        guard let scanner = scangate_zbar_make() else { throw DecodingError.memory }
        self.scanner = scanner
        scangate_zbar_set(scanner, Int32(SCANGATE_ZBAR_QR), Int32(SCANGATE_ZBAR_ENABLE), 1)
        // What zbar makes of bytes that are no ASCII is guessed, and wrong.
        scangate_zbar_set(scanner, Int32(SCANGATE_ZBAR_QR), Int32(SCANGATE_ZBAR_BINARY), 1)
    }

    deinit { scangate_zbar_free(scanner) }

    /// Every whole code of a picture whose rows follow each other without gaps.
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
            guard symbol.symbology == Int32(SCANGATE_ZBAR_QR) else { continue }
            let bytes = Array(UnsafeBufferPointer(start: symbol.data, count: symbol.size))
            let corners = (0..<symbol.points).map { index in
                var (x, y): (Int32, Int32) = (0, 0)
                scangate_zbar_point(scanner, index, &x, &y)
                return DecodedCode.Point(x: Int(x), y: Int(y))
            }
            codes.append(
                DecodedCode(
                    bytes: bytes, text: String(validating: bytes, as: UTF8.self), symbology: .qr, corners: corners))
        }
        return codes
    }
}

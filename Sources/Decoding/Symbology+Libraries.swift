internal import CZBar
internal import CZXing
internal import Model

/// What zbar and zxing call the kinds of code.
extension Symbology {
    /// zbar's numbers; none where it does not know this kind.
    var zbar: [Int32] {
        switch self {
        case .qr: [Int32(SCANGATE_ZBAR_QR)]
        case .code128, .gs1128: [Int32(SCANGATE_ZBAR_CODE128)]
        case .code39: [Int32(SCANGATE_ZBAR_CODE39)]
        case .code93: [Int32(SCANGATE_ZBAR_CODE93)]
        case .codabar: [Int32(SCANGATE_ZBAR_CODABAR)]
        case .itf: [Int32(SCANGATE_ZBAR_ITF)]
        case .ean13: [Int32(SCANGATE_ZBAR_EAN13)]
        case .ean8: [Int32(SCANGATE_ZBAR_EAN8)]
        // zbar's DataBar ends the process on some photographs; zxing reads it.
        case .dataBar, .microQR, .dataMatrix, .aztec, .pdf417, .unknown: []
        }
    }

    /// zxing's bits; 0 where it does not know this kind.
    var zxing: UInt32 {
        let bits =
            switch self {
            case .qr: SCANGATE_ZXING_QR
            case .microQR: SCANGATE_ZXING_MICROQR
            case .dataMatrix: SCANGATE_ZXING_DATAMATRIX
            case .aztec: SCANGATE_ZXING_AZTEC
            case .pdf417: SCANGATE_ZXING_PDF417
            case .code128, .gs1128: SCANGATE_ZXING_CODE128
            case .code39: SCANGATE_ZXING_CODE39
            case .code93: SCANGATE_ZXING_CODE93
            case .codabar: SCANGATE_ZXING_CODABAR
            case .itf: SCANGATE_ZXING_ITF
            case .ean13: SCANGATE_ZXING_EAN13
            case .ean8: SCANGATE_ZXING_EAN8
            case .dataBar: SCANGATE_ZXING_DATABAR | SCANGATE_ZXING_DATABAR_EXPANDED
            case .unknown: 0
            }
        return UInt32(bits)
    }

    /// The kind that zbar names by a number; nil for what is no whole code.
    init?(zbar number: Int32) {
        // zbar does not tell GS1-128 from Code 128.
        guard let known = Self.allCases.first(where: { $0 != .gs1128 && $0.zbar.contains(number) }) else { return nil }
        self = known
    }

    /// The kind that zxing names by a bit, and by an AIM identifier where that says more.
    init?(zxing bit: UInt32, aim: String) {
        guard let known = Self.allCases.first(where: { $0 != .gs1128 && $0.zxing & bit != 0 }) else { return nil }
        self = known == .code128 && Symbology(aim: aim) == .gs1128 ? .gs1128 : known
    }
}

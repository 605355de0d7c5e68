/// A character typed as its number: Alt is held, digits are pressed on the keypad, Alt is released.
///
/// What the number means is Windows's rule, which scanners are made for: with a leading 0 a byte of CP1252, without one a
/// byte of CP437, and above 255 a Unicode scalar. Below 32 it is the control character in either case, and not CP437's
/// picture: scanners send GS as Alt+029 and as Alt+29.
struct AltCode {
    /// The most digits; U+10FFFF has seven.
    static let limit = 8
    private var digits: [UInt8] = []
    private var isTooLong = false

    var isEmpty: Bool { digits.isEmpty }

    /// - Parameter digit: 0 to 9.
    mutating func press(_ digit: UInt8) {
        guard digits.count < Self.limit else { return isTooLong = true }
        digits.append(digit)
    }

    /// The character; nil where the number names none.
    var character: Unicode.Scalar? {
        guard !isTooLong, let first = digits.first else { return nil }
        let number = digits.reduce(0) { $0 * 10 + UInt32($1) }
        switch number {
        case 0: return nil
        case 1..<128, 256...: return Unicode.Scalar(number)
        default:
            if first != 0 { return Self.cp437[Int(number) - 128] }
            return number < 160 ? Self.cp1252[Int(number) - 128] : Unicode.Scalar(number)
        }
    }

    private static let cp437 = Array(
        ("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
            + "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}").unicodeScalars)
    // The five bytes that CP1252 leaves open have none.
    private static let cp1252: [Unicode.Scalar?] =
        ["€", nil, "‚", "ƒ", "„", "…", "†", "‡", "ˆ", "‰", "Š", "‹", "Œ", nil, "Ž", nil]
        + [nil, "‘", "’", "“", "”", "•", "–", "—", "˜", "™", "š", "›", "œ", nil, "ž", "Ÿ"]
}

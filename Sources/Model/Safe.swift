/// Scanned text is hostile: terminal escapes, newlines and formulas must never reach a person's screen as they are.
public enum Safe {
    /// The bytes as text for a terminal, a log line or an error message: printable ASCII and printable UTF-8 as it
    /// is, everything else as `\xNN`, a backslash as `\\`; cut after `limit` bytes of input with `…`.
    public static func text(_ bytes: some Sequence<UInt8>, limit: Int = 200) -> String {
        let all = Array(bytes)
        let head = Array(all.prefix(limit))
        var out = ""
        for scalarOrByte in decode(head) {
            switch scalarOrByte {
            case .scalar(let scalar) where scalar == "\\": out += "\\\\"
            case .scalar(let scalar) where isPrintable(scalar): out.unicodeScalars.append(scalar)
            case .scalar(let scalar):
                for byte in String(scalar).utf8 { out += "\\x" + Hex.encode([byte]) }
            case .byte(let byte): out += "\\x" + Hex.encode([byte])
            }
        }
        return all.count > limit ? out + "…" : out
    }

    /// The same for a string.
    public static func text(_ string: String, limit: Int = 200) -> String { text(string.utf8, limit: limit) }

    /// One CSV field (RFC 4180) that no spreadsheet takes for a formula: quoted, and led by `'` where it would begin
    /// with `= + - @`, in full width too, TAB or CR.
    public static func csv(_ string: String) -> String {
        // By scalars: to Swift a quote or `=` with a combining mark is another character, to a spreadsheet it is not.
        var field = String.UnicodeScalarView("\"".unicodeScalars)
        if let first = string.unicodeScalars.first, "=+-@\t\r＝＋－＠".unicodeScalars.contains(first) { field.append("'") }
        for scalar in text(string, limit: 16_384).unicodeScalars {
            if scalar == "\"" { field.append(scalar) }
            field.append(scalar)
        }
        field.append("\"")
        return String(field)
    }

    private enum Piece { case scalar(Unicode.Scalar), byte(UInt8) }

    private static func decode(_ bytes: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var index = 0
        while index < bytes.count {
            let length = sequenceLength(bytes[index])
            let piece = bytes[index..<min(index + length, bytes.count)]
            if let text = String(validating: piece, as: UTF8.self), let scalar = text.unicodeScalars.first {
                pieces.append(.scalar(scalar))
                index += length
            } else {
                pieces.append(.byte(bytes[index]))
                index += 1
            }
        }
        return pieces
    }

    private static func sequenceLength(_ lead: UInt8) -> Int {
        switch lead {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Format characters (right-to-left overrides, zero-width) can make a line read as something else.
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
        default: true
        }
    }
}

/// A name that people give to a gateway, device or lane: `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`.
///
/// The contract `tracetrack-devices` rejects anything else as malformed, so a wrong name cannot be constructed here.
public protocol Name: Hashable, Sendable, CustomStringConvertible, Comparable {
    /// The name as written.
    var text: String { get }
    /// Nil where the text is not a valid name.
    init?(_ text: String)
}

extension Name {
    /// What a valid name looks like, for error messages.
    public static var rule: String { "1 to 63 of A-Z a-z 0-9 . _ -, the first a letter or digit" }
    /// The name as written.
    public var description: String { text }
    /// Byte order, so that listings are stable.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, (1...63).contains(bytes.count), isLetterOrDigit(first) else { return false }
    return bytes.allSatisfy {
        isLetterOrDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
}

private func isLetterOrDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

/// The name of this gateway, unique within a backend.
public struct GatewayID: Name {
    /// The name as written.
    public let text: String
    /// Nil where the text is not a valid name.
    public init?(_ text: String) {
        guard isName(text) else { return nil }
        self.text = text
    }
}

/// The name of a scanner, camera or handheld.
public struct DeviceID: Name {
    /// The name as written.
    public let text: String
    /// Nil where the text is not a valid name.
    public init?(_ text: String) {
        guard isName(text) else { return nil }
        self.text = text
    }
}

/// The name of a bagging table: one or more devices scan for it, in one order.
public struct LaneID: Name {
    /// The name as written.
    public let text: String
    /// Nil where the text is not a valid name.
    public init?(_ text: String) {
        guard isName(text) else { return nil }
        self.text = text
    }
}

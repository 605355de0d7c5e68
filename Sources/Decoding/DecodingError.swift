public import Model

/// Why nothing can be decoded.
public enum DecodingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// zbar cannot be loaded, and what the dynamic linker says.
    case library(String)
    /// No memory.
    case memory
    /// No decoder knows a kind of code.
    case symbology(Symbology)
    /// No kind of code is asked for.
    case noSymbology
    /// A character set that this machine cannot convert.
    case charset(String)

    /// A sentence for people.
    public var description: String {
        switch self {
        case .library(let fault): "zbar cannot be loaded: \(fault); install it: apt-get install libzbar0"
        case .memory: "there is no memory for a decoder"
        case .symbology(let symbology):
            "\(symbology.rawValue) codes cannot be read by a camera; write one of "
                + Symbology.allCases.filter { $0.zxing != 0 }.map(\.rawValue).joined(separator: ", ")
        case .noSymbology: "no kind of code is to be read; write at least one, such as QR"
        case .charset(let name): "the C library cannot convert \(name); install its tables: apt-get install libc-bin"
        }
    }
}

/// Why nothing can be decoded.
public enum DecodingError: Error, Sendable, CustomStringConvertible {
    /// zbar cannot be loaded, and what the dynamic linker says.
    case library(String)
    /// No memory.
    case memory

    /// A sentence for people.
    public var description: String {
        switch self {
        case .library(let fault): "zbar cannot be loaded: \(fault); install it: apt-get install libzbar0"
        case .memory: "there is no memory for a decoder"
        }
    }
}

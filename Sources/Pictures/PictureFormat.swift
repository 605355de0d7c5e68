/// How a picture is kept in a file, told by its first bytes and never by its name.
public enum PictureFormat: String, Sendable {
    case png = "PNG"
    case jpeg = "JPEG"
    /// A binary grey map: `P5` of netpbm.
    case pgm = "PGM"

    /// What the first bytes say; nil where they say nothing known.
    public init?(of bytes: UnsafeRawBufferPointer) {
        func begins(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
        if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if begins([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins([0x50, 0x35]) {
            self = .pgm
        } else {
            return nil
        }
    }
}

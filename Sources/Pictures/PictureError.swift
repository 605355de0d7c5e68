internal import Imaging

/// Why a picture cannot be read or written.
public enum PictureError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Its first bytes are those of no format that is known here.
    case unknownFormat
    /// It is damaged, cut off, or of a kind that its library does not take; in the library's words.
    case damaged(PictureFormat, String)
    /// It has no pixels, or more than are taken.
    case size(width: Int, height: Int, most: Int)
    /// It cannot be written; in the library's words.
    case unwritable(PictureFormat, String)
    /// A library has no memory.
    case memory

    /// A sentence for people, with what to do.
    public var description: String {
        switch self {
        case .unknownFormat: "this is no PNG, JPEG or PGM (P5) picture; convert it to PNG"
        case .damaged(let format, let fault): "the \(format.rawValue) is damaged: \(fault); take or copy it again"
        case .size(let width, let height, let most):
            "a picture of \(width)x\(height) pixels is not read; give it one of 1 to \(most) pixels"
        case .unwritable(let format, let fault): "the \(format.rawValue) cannot be made: \(fault)"
        case .memory: "there is no memory for a picture"
        }
    }
}

extension PictureError {
    /// Passes sizes that are allowed; called before memory is taken for a picture that somebody else sent.
    static func check(width: Int, height: Int, most: Int) throws(PictureError) {
        let most = min(most, LumaImage.maxPixels)
        guard width > 0, height > 0, width <= most / height else {
            throw PictureError.size(width: width, height: height, most: most)
        }
    }
}

internal import Model

/// One look at a picture: how it is prepared, and who reads it.
struct Pass: Sendable, Equatable {
    /// The size at which it is read.
    enum Scale: Sendable, Equatable {
        case quarter, third, half, full, halfMore, double
    }

    /// The block around a pixel whose mean tells dark from light.
    enum Block: Sendable, Equatable {
        /// A side in pixels.
        case pixels(Int)
        /// A side as a share of the picture's shorter one, at least 15 pixels.
        case share(Double)

        func side(in shorter: Int) -> Int {
            switch self {
            case .pixels(let side): side
            case .share(let share): max(15, Int(Double(shorter) * share))
            }
        }
    }

    /// Who reads it.
    var decoder: CodeDecoder
    var scale: Scale
    /// Whether edges are sharpened first.
    var sharp = false
    /// Whether it is made black and white, and by which block; nil leaves that to the decoder.
    var block: Block?
    /// How much darker than the mean is dark.
    var offset = 5
    /// Whether it is light on dark.
    var inverted = false
    /// As many of a code's corner marks are to be seen, or the pass is not worth its time.
    var marks = 0

    init(
        _ decoder: CodeDecoder, _ scale: Scale, sharp: Bool = false, _ block: Block? = nil, offset: Int = 5,
        inverted: Bool = false, marks: Int = 0
    ) {
        (self.decoder, self.scale, self.sharp, self.block) = (decoder, scale, sharp, block)
        (self.offset, self.inverted, self.marks) = (offset, inverted, marks)
    }
}

/// Which passes a picture gets, in order: by measurement, see docs/adr/012-two-decoders.md.
///
/// zxing is quick, and each way to make a picture black and white lets it read other codes; zbar is slow, and reads codes
/// that zxing does not, and many at once.
enum Plan {
    /// Pictures with a shorter side than this are small: a photograph of one code, not a camera's frame.
    static let small = 420

    /// For every frame and every picture.
    static let quick: [Pass] = [
        Pass(.zxing, .third, .pixels(31)),
        Pass(.zxing, .half, .pixels(21), offset: 3),
        Pass(.zxing, .half, sharp: true),
    ]
    /// For frames, one of these in turn.
    static let turns: [[Pass]] = [
        [Pass(.zxing, .full, .share(0.1)), Pass(.zbar, .quarter)],
        [Pass(.zxing, .full, sharp: true, .share(0.1)), Pass(.zbar, .half, .share(0.2))],
        [Pass(.zbar, .full, .pixels(51), marks: 2), Pass(.zxing, .third)],
        [Pass(.zxing, .full, .pixels(21)), Pass(.zbar, .half, sharp: true, .share(0.1))],
        [
            Pass(.zxing, .full, .pixels(31), offset: 0), Pass(.zxing, .full),
            Pass(.zxing, .half, .share(0.1), inverted: true),
        ],
    ]
    /// For a picture that does not come again, after the quick ones: first what finds most for its time.
    static let still: [Pass] = [
        Pass(.zxing, .full, .pixels(21)),
        Pass(.zxing, .third),
        Pass(.zbar, .quarter),
        Pass(.zxing, .full, sharp: true, .share(0.1)),
        Pass(.zxing, .half, .share(0.1), inverted: true),
        Pass(.zbar, .half, .share(0.2)),
        Pass(.zbar, .half, sharp: true, .share(0.1)),
        Pass(.zxing, .full, .pixels(31), offset: 0),
        Pass(.zbar, .full, .pixels(51), marks: 2),
    ]
    /// Where the corner marks of a code can be seen that was not read: one of many, or in a frame whose quick passes read
    /// nothing.
    static let crowd = Pass(.zbar, .full, .pixels(51))
    /// Longer sides than this, in pixels, are halved first: decoders read such pictures worse, and slower.
    static let large = 2400

    /// For small pictures, all of them.
    static let ofSmall: [Pass] = [
        Pass(.zxing, .half, .share(0.1)),
        Pass(.zxing, .full, .share(0.2)),
        Pass(.zxing, .third),
        Pass(.zxing, .third, .pixels(31)),
        Pass(.zxing, .full, .share(0.1)),
        Pass(.zxing, .full, inverted: true),
        Pass(.zbar, .full, .share(0.07)),
        Pass(.zbar, .full),
        Pass(.zxing, .full),
        Pass(.zxing, .full, sharp: true),
        Pass(.zxing, .double),
        Pass(.zbar, .halfMore, .share(0.1)),
    ]

    static func passes(width: Int, height: Int, effort: CodeReader.Effort) -> [Pass] {
        if min(width, height) < small { return ofSmall }
        switch effort {
        case .still: return quick + still
        case .frame(let number): return quick + turns[Int(number.magnitude % UInt(turns.count))]
        }
    }
}

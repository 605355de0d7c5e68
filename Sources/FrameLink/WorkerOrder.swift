public import Model

/// What the daemon asks of its decode worker. One order at a time: each has one answer.
public enum WorkerOrder: Sendable, Equatable {
    /// Read a frame.
    case frame(FrameOrder)
    /// Put the frame that is kept into the outbox, as JPEG: the sharpest of the last passage, which is frames that
    /// differ with less than `rest` others between them.
    case kept

    /// Frames that do not differ, after which the next one that does begins a new passage.
    public static let rest = 5

    /// The longest message.
    public static let limit = 64

    /// As it goes through the socket.
    public var message: [UInt8] {
        var out = MessageWriter()
        switch self {
        case .frame(let order):
            out.put(UInt32(1))
            order.write(to: &out)
        case .kept: out.put(UInt32(2))
        }
        return out.bytes
    }

    /// Reads a message; nil for one that the daemon does not send.
    public init?(_ message: [UInt8]) {
        var input = MessageReader(message)
        switch input.take(UInt32.self) {
        case 1:
            guard let order = FrameOrder(from: &input) else { return nil }
            self = .frame(order)
        case 2: self = .kept
        default: return nil
        }
        guard input.isAtEnd else { return nil }
    }
}

/// One frame, in a slot of the shared memory.
public struct FrameOrder: Sendable, Equatable {
    /// How it lies in the slot.
    public enum Content: Sendable, Equatable {
        /// Rows of luma without gaps.
        case luma(width: Int, height: Int)
        /// A JPEG file.
        case jpeg
        /// A PNG, JPEG or PGM file, from the first slot on and into the second. It is no frame among others: all is done
        /// to read it.
        case file
    }

    /// What kind of file a picture is wanted as.
    public enum Picture: UInt32, Sendable {
        case jpeg = 1
        case png = 2
        /// No file: rows of luma without gaps, which nobody has to parse.
        case luma = 3
    }

    /// What is done with what lies in the picture and does not change.
    public enum Background: UInt8, Sendable {
        /// It is searched as all else is.
        case searched = 0
        /// This picture is all background: it is not searched.
        case learnt = 1
        /// What is as it was in the picture that was learnt last is not searched.
        case hidden = 2
    }

    /// Which slot.
    public var slot: Int
    /// The camera's number of the frame.
    public var number: UInt64
    /// How it lies there.
    public var content: Content
    /// Bytes that it has.
    public var length: Int
    /// Whether it may be kept as the sharpest of its passage.
    public var keeps: Bool
    /// As what file it is to be put into the outbox; nil for not at all.
    public var picture: Picture?
    /// The decoder that is not to see it; nil for none.
    public var without: CodeDecoder?
    /// What is done with the background.
    public var background: Background

    /// A frame.
    public init(
        slot: Int, number: UInt64, content: Content, length: Int, keeps: Bool = false, picture: Picture? = nil,
        without: CodeDecoder? = nil, background: Background = .searched
    ) {
        (self.slot, self.number, self.content, self.length) = (slot, number, content, length)
        (self.keeps, self.picture, self.without, self.background) = (keeps, picture, without, background)
    }

    func write(to out: inout MessageWriter) {
        out.put(UInt32(slot))
        out.put(number)
        // What has no width is a file, and its height says of which kind.
        let (width, height) =
            switch content {
            case .luma(let width, let height): (width, height)
            case .jpeg: (0, 0)
            case .file: (0, 1)
            }
        out.put(UInt32(width))
        out.put(UInt32(height))
        out.put(UInt32(length))
        out.put(UInt32(keeps ? 1 : 0))
        out.put(picture?.rawValue ?? 0)
        out.put(without?.rawValue ?? 0)
        out.put(background.rawValue)
    }

    init?(from input: inout MessageReader) {
        guard let slot: UInt32 = input.take(), let number: UInt64 = input.take(), let width: UInt32 = input.take(),
            let height: UInt32 = input.take(), let length: UInt32 = input.take(), let keeps: UInt32 = input.take(),
            let picture: UInt32 = input.take(), let without: UInt8 = input.take(),
            without == 0 || CodeDecoder(rawValue: without) != nil,
            let background = input.take(UInt8.self).flatMap(Background.init), slot < FrameMemory.slots,
            width <= 1 << 14,
            height <= 1 << 14,
            width * height <= length
        else { return nil }
        let content: Content? =
            switch (width, height) {
            case (0, 0): .jpeg
            case (0, 1): slot == 0 ? .file : nil
            case (0, _): nil
            default: .luma(width: Int(width), height: Int(height))
            }
        guard let content, length <= (content == .file ? FrameMemory.fileSize : FrameMemory.slotSize) else {
            return nil
        }
        self.init(
            slot: Int(slot), number: number, content: content, length: Int(length), keeps: keeps != 0,
            picture: Picture(rawValue: picture), without: CodeDecoder(rawValue: without), background: background)
    }
}

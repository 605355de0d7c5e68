internal import Model

/// What a decode worker says, a message each. A frame's answer is one `frame`, then a `code` for each of its codes.
public enum WorkerReport: Sendable, Equatable {
    /// It is in its sandbox and waits for orders.
    case ready
    /// It cannot work, and why, for people; it ends.
    case unfit(String)
    /// A frame was looked at; so many codes follow.
    case frame(FrameResult, codes: Int)
    /// One of them, by its index.
    case code(FrameCode, index: Int, of: UInt64)
    /// The frame that was kept is in the outbox, so many bytes; 0 where none was kept.
    case kept(Int)
    /// The file of this number is no picture that can be looked at, and why.
    case unreadable(UInt64, String)

    /// The longest sentence, in bytes.
    static let maxFault = 400

    /// The longest message.
    public static let limit = 28 + 8 * FrameCode.maxCorners + FrameCode.maxBytes + FrameCode.maxText

    /// The messages that answer a frame.
    public static func messages(_ result: FrameResult) -> [[UInt8]] {
        guard result.fault.isEmpty else { return [unreadable(result.number, result.fault).message] }
        let codes = result.codes.filter { $0.bytes.count <= FrameCode.maxBytes }.prefix(FrameResult.maxCodes)
        return [frame(result, codes: codes.count).message]
            + codes.enumerated().map { code($1, index: $0, of: result.number).message }
    }

    /// As it goes through the socket.
    public var message: [UInt8] {
        var out = MessageWriter()
        switch self {
        case .ready: out.put(UInt32(1))
        case .unfit(let text):
            out.put(UInt32(2))
            out.put(text.utf8.prefix(Self.maxFault))
        case .frame(let result, let codes):
            out.put(UInt32(3))
            out.put(UInt32(codes))
            out.put(result.number)
            let flags = [result.isChanged, result.isSearched, result.isUnreadable]
            for number in [
                result.width, result.height, flags.reversed().reduce(0) { $0 << 1 | ($1 ? 1 : 0) }, result.sharpness,
                result.microseconds, result.pictureLength,
            ] { out.put(UInt32(clamping: number)) }
        case .code(let code, let index, let number):
            out.put(UInt32(4))
            out.put(UInt32(index))
            out.put(number)
            Self.write(code, to: &out)
        case .kept(let length):
            out.put(UInt32(5))
            out.put(UInt32(clamping: length))
        case .unreadable(let number, let text):
            out.put(UInt32(6))
            out.put(number)
            out.put(text.utf8.prefix(Self.maxFault))
        }
        return out.bytes
    }

    /// Reads a message; nil for rubbish. Nothing in it is believed but that its numbers are within their bounds.
    public init?(_ message: [UInt8]) {
        guard message.count <= Self.limit else { return nil }
        var input = MessageReader(message)
        switch input.take(UInt32.self) {
        case 1: self = .ready
        case 2:
            guard let text = input.take(message.count - 4), text.count <= Self.maxFault else { return nil }
            self = .unfit(String(decoding: text, as: UTF8.self))
        case 3:
            guard let (result, codes) = Self.frame(from: &input) else { return nil }
            self = .frame(result, codes: codes)
        case 4:
            guard let index: UInt32 = input.take(), index < FrameResult.maxCodes, let number: UInt64 = input.take(),
                let code = Self.code(from: &input)
            else { return nil }
            self = .code(code, index: Int(index), of: number)
        case 5:
            guard let length: UInt32 = input.take(), length <= FrameMemory.outboxSize else { return nil }
            self = .kept(Int(length))
        case 6:
            guard let number: UInt64 = input.take(), let text = input.take(message.count - 12),
                text.count <= Self.maxFault
            else { return nil }
            self = .unreadable(number, String(decoding: text, as: UTF8.self))
        default: return nil
        }
        guard input.isAtEnd else { return nil }
    }

    private static func frame(from input: inout MessageReader) -> (FrameResult, Int)? {
        guard let codes: UInt32 = input.take(), codes <= FrameResult.maxCodes, let number: UInt64 = input.take(),
            let width: UInt32 = input.take(), let height: UInt32 = input.take(), let flags: UInt32 = input.take(),
            let sharpness: UInt32 = input.take(), let microseconds: UInt32 = input.take(),
            let picture: UInt32 = input.take(), width <= 1 << 14, height <= 1 << 14, flags < 8,
            picture <= FrameMemory.outboxSize
        else { return nil }
        var result = FrameResult(number: number)
        (result.width, result.height) = (Int(width), Int(height))
        (result.isChanged, result.isSearched) = (flags & 1 != 0, flags & 2 != 0)
        result.isUnreadable = flags & 4 != 0
        (result.sharpness, result.microseconds) = (Int(sharpness), Int(microseconds))
        result.pictureLength = Int(picture)
        return (result, Int(codes))
    }

    private static func write(_ code: FrameCode, to out: inout MessageWriter) {
        let corners = code.corners.prefix(FrameCode.maxCorners)
        let text = code.text.flatMap { $0.count <= FrameCode.maxText ? $0 : nil }
        out.put(UInt8(Symbology.allCases.firstIndex(of: code.symbology) ?? 0))
        out.put(UInt8(corners.count))
        out.put(UInt8(text == nil ? 0 : 1))
        out.put(UInt8(clamping: code.part?.index ?? 0))
        out.put(UInt8(clamping: code.part?.count ?? 0))
        out.put(UInt16(code.bytes.count))
        out.put(UInt16(text?.count ?? 0))
        for corner in corners {
            out.put(Int32(clamping: corner.x))
            out.put(Int32(clamping: corner.y))
        }
        out.put(code.bytes)
        out.put(text ?? [])
    }

    private static func code(from input: inout MessageReader) -> FrameCode? {
        guard let symbology: UInt8 = input.take(), Int(symbology) < Symbology.allCases.count,
            let count: UInt8 = input.take(), count <= FrameCode.maxCorners, let hasText: UInt8 = input.take(),
            let partIndex: UInt8 = input.take(), let partCount: UInt8 = input.take(),
            partCount == 0 ? partIndex == 0 : partIndex < partCount, let length: UInt16 = input.take(), length > 0,
            length <= FrameCode.maxBytes, let textLength: UInt16 = input.take(), textLength <= FrameCode.maxText,
            hasText == 1 || (hasText == 0 && textLength == 0)
        else { return nil }
        var corners: [PicturePoint] = []
        for _ in 0..<count {
            guard let x: Int32 = input.take(), let y: Int32 = input.take(), abs(Int(x)) <= 1 << 16,
                abs(Int(y)) <= 1 << 16
            else { return nil }
            corners.append(PicturePoint(x: Int(x), y: Int(y)))
        }
        guard let bytes = input.take(Int(length)), let text = input.take(Int(textLength)),
            String(validating: text, as: UTF8.self) != nil
        else { return nil }
        return FrameCode(
            bytes: bytes, text: hasText == 1 ? text : nil, symbology: Symbology.allCases[Int(symbology)],
            corners: corners, part: partCount > 0 ? CodePart(index: Int(partIndex), count: Int(partCount)) : nil)
    }
}

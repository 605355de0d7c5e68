internal import Decoding
internal import FrameLink
internal import Imaging
internal import Model
internal import Pictures
internal import Posix

/// Carries out orders: looks at frames, reads their codes, keeps the sharpest of a passage. One thread.
struct FrameReader: ~Copyable {
    private let memory: FrameMemory
    private var reader: CodeReader
    private let readsQR: Bool
    private let codec: JPEGCodec
    private let decoded = LumaImage()
    private let kept = LumaImage()
    private var keptSharpness: Int?
    private var gate = MotionGate()
    private var background = Background()
    private let uncovered = LumaImage()
    private let sight: Sight
    private var resting = 0
    private var searches = 0

    /// - Parameter trap: what a test has a decoder do; called when one is about to look at a frame.
    init(
        _ memory: FrameMemory, symbologies: Set<Symbology>, charset: Charset = .utf8,
        trap: ((CodeDecoder, LumaView) -> Void)? = nil
    ) throws {
        let codec = try JPEGCodec()
        let sight = Sight()
        let reader = try CodeReader(symbologies: symbologies, charset: charset) { decoder in
            memory.note(decoder)
            if let decoder, let picture = sight.picture { trap?(decoder, picture) }
        }
        (self.memory, self.codec, self.sight) = (memory, codec, sight)
        self.reader = reader
        readsQR = symbologies.contains(.qr)
    }

    /// Reads a code that is known, from a JPEG, so that the libraries have loaded what they load with their first picture,
    /// and so that a decoder that does not work is found now. What is wrong, or nil.
    mutating func warmUp() -> String? {
        do {
            let file = try codec.encode(Sample.picture().view)
            try file.withUnsafeBytes { try codec.decode($0, into: decoded) }
            // Blank too: a picture with a code needs few passes.
            let blank = LumaImage(width: 640, height: 480)
            blank.withPixels { $0.update(repeating: 128) }
            for effort in [CodeReader.Effort.still] + (0..<5).map({ .frame($0) }) {
                _ = try reader.read(blank.view, effort: effort)
                let codes = try reader.read(decoded.view, effort: effort)
                guard !readsQR || effort != .still || codes.contains(where: { $0.bytes == Sample.bytes }) else {
                    return "the decoder does not read a code that it has to: is libzbar0 whole?"
                }
            }
            _ = try PNG.encode(decoded.view)
            return nil
        } catch { return String(describing: error) }
    }

    /// Looks at a frame.
    mutating func read(_ order: FrameOrder) -> FrameResult {
        if order.content == .file { return readFile(order) }
        let start = SystemClock.bootMicroseconds
        var result = FrameResult(number: order.number)
        let slot = UnsafeRawBufferPointer(rebasing: memory.slot(order.slot).prefix(order.length))
        guard let picture = picture(order, slot) else {
            result.isUnreadable = true
            return result
        }
        (result.width, result.height) = (picture.width, picture.height)
        let (isChanged, isDue) = gate.look(picture, at: .microseconds(start))
        (result.isChanged, result.isSearched) = (isChanged, isDue)
        if isDue, let picture = searched(picture, order.background) {
            searches += 1
            sight.picture = picture
            defer { sight.picture = nil }
            // No memory is all that can be wrong; the frame was not searched then.
            if let codes = try? reader.read(picture, effort: .frame(searches), without: order.without) {
                result.codes = codes.filter { !$0.bytes.isEmpty }.map { FrameCode($0) }
            } else {
                result.isSearched = false
            }
        }
        if order.background == .learnt { background.learn(picture) }
        if order.keeps { keep(picture, isChanged, &result) }
        if let wanted = order.picture { result.pictureLength = put(picture, as: wanted) }
        result.microseconds = Int(SystemClock.bootMicroseconds - start)
        return result
    }

    /// What of a frame is to be searched; nil for nothing.
    private mutating func searched(_ picture: LumaView, _ way: FrameOrder.Background) -> LumaView? {
        switch way {
        case .searched:
            background.forget()
            return picture
        case .learnt: return nil
        case .hidden: return background.hide(in: picture, to: uncovered) ? uncovered.view : nil
        }
    }

    /// Looks at a picture file, with all passes.
    private mutating func readFile(_ order: FrameOrder) -> FrameResult {
        var result = FrameResult(number: order.number)
        do {
            let file = UnsafeRawBufferPointer(rebasing: memory.file.prefix(order.length))
            try PictureFile.read(file, into: decoded)
            let picture = decoded.view
            let start = SystemClock.bootMicroseconds
            result.codes = try reader.read(picture, effort: .still).filter { !$0.bytes.isEmpty }.map { FrameCode($0) }
            result.microseconds = Int(SystemClock.bootMicroseconds - start)
            (result.width, result.height, result.isSearched) = (picture.width, picture.height, true)
        } catch {
            result.isUnreadable = true
            result.fault = String(describing: error)
        }
        return result
    }

    /// Puts the frame that was kept into the outbox; bytes of it, 0 where none was kept.
    mutating func putKept() -> Int { keptSharpness == nil ? 0 : put(kept.view, as: .jpeg) }

    private func picture(_ order: FrameOrder, _ slot: UnsafeRawBufferPointer) -> LumaView? {
        switch order.content {
        case .luma(let width, let height):
            guard let base = slot.baseAddress, width * height <= slot.count, width > 0, height > 0 else { return nil }
            return LumaView(base.assumingMemoryBound(to: UInt8.self), width: width, height: height)
        case .jpeg:
            // What a camera's cable has spoilt.
            guard (try? codec.decode(slot, into: decoded, most: FrameMemory.slotSize)) != nil else { return nil }
            return decoded.view
        case .file: return nil
        }
    }

    private mutating func keep(_ picture: LumaView, _ isChanged: Bool, _ result: inout FrameResult) {
        guard isChanged else {
            resting += 1
            return
        }
        if resting >= WorkerOrder.rest { keptSharpness = nil }
        resting = 0
        result.sharpness = Int(min(picture.sharpness(step: 8) * 16, 1e9))
        guard result.sharpness > keptSharpness ?? -1 else { return }
        keptSharpness = result.sharpness
        kept.resize(width: picture.width, height: picture.height)
        kept.withPixels { pixels in
            for y in 0..<picture.height {
                let row = UnsafeBufferPointer(start: picture.base + y * picture.stride, count: picture.width)
                _ = UnsafeMutableBufferPointer(rebasing: pixels[(y * picture.width)...].prefix(picture.width))
                    .update(from: row)
            }
        }
    }

    private func put(_ picture: LumaView, as wanted: FrameOrder.Picture) -> Int {
        if wanted == .luma { return memory.put(Array(rowsOf: picture)) ? picture.width * picture.height : 0 }
        let file = wanted == .png ? try? PNG.encode(picture) : nil
        if let file, memory.put(file) { return file.count }
        // A PNG of noise is larger than the outbox; a JPEG of this quality never is.
        for quality in [85, 40] {
            if let file = try? codec.encode(picture, quality: quality), memory.put(file) { return file.count }
        }
        return 0
    }
}

/// The frame that decoders look at, for a test's trap.
private final class Sight {
    var picture: LumaView?
}

extension [UInt8] {
    /// A picture's pixels, row after row without gaps.
    fileprivate init(rowsOf picture: LumaView) {
        self = []
        reserveCapacity(picture.width * picture.height)
        for y in 0..<picture.height {
            self += UnsafeBufferPointer(start: picture.base + y * picture.stride, count: picture.width)
        }
    }
}

extension FrameCode {
    init(_ code: DecodedCode) {
        self.init(
            bytes: code.bytes, text: code.text.map { Array($0.utf8) }, symbology: code.symbology,
            corners: code.corners, part: code.part.flatMap { (1...255).contains($0.count) ? $0 : nil })
    }
}

/// A code that every decoder reads.
enum Sample {
    /// What it holds.
    static let bytes = Array("SCANGATE".utf8)
    // A module a bit, the first column the highest; version 1, level L.
    private static let rows: [UInt32] = [
        0x1FC57F, 0x104141, 0x17545D, 0x17415D, 0x174B5D, 0x104E41, 0x1FD57F,
        0x01400, 0x1DF5C4, 0xFA6AA, 0x976E8, 0x1EA7BD, 0x105AEA, 0x0186A,
        0x1FDD13, 0x105C6E, 0x17554B, 0x174A92, 0x175ED1, 0x10538F, 0x1FDAC1,
    ]

    /// The code, six pixels a module, in a white picture of 320 by 240.
    static func picture() -> LumaImage {
        let picture = LumaImage(width: 320, height: 240)
        picture.withPixels { pixels in
            pixels.update(repeating: 230)
            for y in 0..<126 {
                for x in 0..<126 where rows[y / 6] >> (20 - x / 6) & 1 == 1 { pixels[(y + 57) * 320 + x + 97] = 20 }
            }
        }
        return picture
    }
}

public import FrameLink
internal import Glibc
public import Model
internal import Posix

/// Reads the codes of picture files, in a worker in its sandbox as a camera's frames are: files come from anywhere, and
/// their parsers and decoders are the most exposed part. For commands. One thread, which it blocks.
public final class FileDecoder {
    /// Why a file was not read; a sentence.
    public struct Fault: Error, Sendable, CustomStringConvertible {
        /// What happened.
        public let description: String
        /// Whether no other file can be read either.
        public let isFinal: Bool
    }

    /// The largest file that is read.
    public static let maxFileBytes = FrameMemory.fileSize

    private let decoder: FrameDecoder
    private var number: UInt64 = 0

    /// Starts a worker.
    public convenience init(symbologies: Set<Symbology>, charset: Charset) throws(Fault) {
        try self.init(program: .program(symbologies: symbologies, charset: charset))
    }

    init(program: DecoderProgram) throws(Fault) {
        // A page full of what looks like codes takes a second on a good machine.
        decoder = FrameDecoder(program, patience: .init(frame: .seconds(60)))
        for case .unfit(let text) in decoder.begin(at: SystemClock.bootMicroseconds) {
            throw Fault(description: text, isFinal: true)
        }
    }

    /// Why codes cannot be read here: a worker is started, and asked to read a code that it knows. Nil where it does.
    public static func fault() -> String? {
        do throws(Fault) {
            let decoder = try FileDecoder(symbologies: [.qr], charset: .utf8)
            defer { decoder.close() }
            // A worker has read its own sample before it is ready; the smallest picture is for whether it answers.
            _ = try decoder.read(Array("P5\n1 1\n255\n\u{0}".utf8))
            return nil
        } catch { return error.description }
    }

    /// The codes of a file's bytes, at most `maxFileBytes` of them, and how long finding them took.
    public func read(_ file: [UInt8]) throws(Fault) -> FrameResult {
        number += 1
        let poison = decoder.counts.poison
        decoder.offer(file: file, number, at: SystemClock.bootMicroseconds)
        while true {
            // The file before may have ended a worker after which none could be started.
            guard decoder.descriptor != nil || decoder.deadline != nil else {
                throw Fault(description: "no decoder can be started any more", isFinal: true)
            }
            var worker = pollfd(fd: decoder.descriptor ?? -1, events: Int16(POLLIN), revents: 0)
            let wait = max(0, (decoder.deadline ?? .max) - SystemClock.bootMicroseconds) / 1000 + 1
            _ = poll(&worker, 1, Int32(clamping: wait))
            let time = SystemClock.bootMicroseconds
            var events = worker.revents != 0 ? decoder.read(at: time) : []
            events += decoder.tick(at: time)
            decoder.pump(at: time)
            for event in events {
                switch event {
                case .frame(let result, _):
                    guard !result.isUnreadable else { throw Fault(description: result.fault, isFinal: false) }
                    return result
                case .unfit(let text): throw Fault(description: text, isFinal: true)
                case .trouble(let text) where decoder.counts.poison > poison:
                    throw Fault(description: text, isFinal: false)
                case .trouble, .picture, .kept, .unsearched: break
                }
            }
        }
    }

    /// Ends the worker.
    public func close() { decoder.end() }
}

@available(*, unavailable)
extension FileDecoder: Sendable {}

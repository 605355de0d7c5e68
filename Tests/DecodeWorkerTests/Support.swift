import Glibc
import Imaging
import Posix
import TestSupport

@testable import DecodeWorker
@testable import FrameLink

/// A decode worker in a process of its own, talked with in turns.
final class Worker {
    let memory: FrameMemory
    let socket: MessageSocket
    private let program: OwnProgram
    private var reader = ReportReader()
    private var hasEnded = false

    init(_ words: [String] = []) throws {
        memory = try FrameMemory()
        let (ours, theirs) = try MessageSocket.pair()
        socket = ours
        program = try OwnProgram(
            try ChildProcess.built("scangate"), ["decode-worker"] + words,
            descriptors: [theirs.file.raw, memory.descriptor])
    }

    deinit { _ = end() }

    var process: Int32 { program.process }

    @discardableResult
    func end() -> String {
        guard !hasEnded else { return "" }
        hasEnded = true
        return program.end()
    }

    /// The next answer; nil where the worker has ended.
    func answer() throws -> ReportReader.Answer? {
        while case .message(let message) = socket.receive(atMost: WorkerReport.limit, waits: true) {
            if let answer = try reader.take(message) { return answer }
        }
        return nil
    }

    /// What it says of a picture of luma.
    func read(
        _ pixels: [UInt8], width: Int, height: Int, number: UInt64, keeps: Bool = false,
        picture: FrameOrder.Picture? = nil
    ) throws -> FrameResult {
        pixels.withUnsafeBytes { memory.slot(Int(number % 2)).copyMemory(from: $0) }
        return try read(
            FrameOrder(
                slot: Int(number % 2), number: number, content: .luma(width: width, height: height),
                length: width * height, keeps: keeps, picture: picture))
    }

    func read(_ order: FrameOrder) throws -> FrameResult {
        try send(.frame(order))
        guard case .frame(let result) = try answer() else { throw SetupError("the worker does not answer a frame") }
        return result
    }

    func send(_ order: WorkerOrder) throws {
        guard socket.send(order.message) == .taken else { throw SetupError("the worker is gone") }
        reader.sent(order)
    }
}

/// The pixels of the sample code, and its size.
func sample() -> (pixels: [UInt8], width: Int, height: Int) {
    let picture = Sample.picture()
    return (picture.withPixels { Array($0) }, picture.width, picture.height)
}

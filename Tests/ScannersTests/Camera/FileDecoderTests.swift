import FrameLink
import Glibc
import Model
import Pictures
import Posix
import Scenes
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A worker that takes one file and ends, as one does whose decoder aborts.
private final class Victim: DecoderProcess {
    init(_ socket: Int32) {
        let talk = MessageSocket(FileDescriptor(owning: dup(socket)))
        Threads.run(name: "victim") {
            _ = talk.send(WorkerReport.ready.message, waits: true)
            _ = talk.receive(atMost: WorkerOrder.limit, waits: true)
        }
    }

    func end() -> String { "signal 6" }
}

@Suite(.timeLimit(.minutes(5))) struct FileDecoderTests {
    private static func file(_ rows: [UInt32]?) -> [UInt8] {
        Array("P5\n\(Stage.size.width) \(Stage.size.height)\n255\n".utf8) + scene(rows)
    }

    private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) { @concurrent () async throws in try body() }
    }

    @Test func `files are read one after the other, and what is no picture is told`() async throws {
        try await onThread {
            let decoder = try FileDecoder(program: .program(ChildProcess.built("scangate")))
            defer { decoder.close() }
            for (rows, label) in [(Codes.first, "SB00001"), (Codes.second, "SB00002")] {
                let result = try decoder.read(Self.file(rows))
                #expect(result.codes.map(\.bytes) == [Array(label.utf8)] && result.microseconds > 0)
                #expect((result.width, result.height) == (640, 480))
            }
            let fault = #expect(throws: FileDecoder.Fault.self) { try decoder.read(Array("no picture".utf8)) }
            #expect(fault?.description.contains("no PNG, JPEG or PGM") == true && fault?.isFinal == false)
            let blank = try decoder.read(Self.file(nil))
            #expect(blank.codes.isEmpty)
        }
    }

    @Test func `a file that kills the decoder costs that file alone`() async throws {
        try await onThread {
            let starts = Mutex(0)
            let real = DecoderProgram.program(try ChildProcess.built("scangate"))
            let decoder = try FileDecoder(
                program: DecoderProgram { (socket, memory) throws(SystemError) in
                    let isFirst = starts.withLock { starts in
                        starts += 1
                        return starts == 1
                    }
                    return isFirst
                        ? Victim(socket)
                        : try real.start(socket, memory)
                })
            defer { decoder.close() }
            let fault = #expect(throws: FileDecoder.Fault.self) { try decoder.read(Self.file(Codes.first)) }
            #expect(fault?.description.contains("the decoder ended (signal 6) at a frame") == true)
            let next = try decoder.read(Self.file(Codes.second))
            #expect(next.codes.map(\.bytes) == [Array("SB00002".utf8)])
        }
    }
}

import Glibc
import Imaging
import Model
import Pictures
import Posix
import TestSupport
import Testing

@testable import DecodeWorker
@testable import FrameLink

/// The program itself, as the daemon starts it.
@Suite(.timeLimit(.minutes(5))) struct WorkerProcessTests {
    @Test func `a code in shared memory is read, as luma and as JPEG`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            let (pixels, width, height) = sample()
            let result = try worker.read(pixels, width: width, height: height, number: 7)
            #expect(result.codes.map(\.bytes) == [Sample.bytes] && result.codes[0].symbology == .qr)
            #expect(result.codes[0].text == Sample.bytes && result.codes[0].corners.count == 4)
            #expect((result.number, result.width, result.height) == (7, width, height))
            #expect(result.isChanged && result.isSearched && !result.isUnreadable && result.microseconds > 0)

            let file = try JPEGCodec().encode(Sample.picture().view)
            file.withUnsafeBytes { worker.memory.slot(1).copyMemory(from: $0) }
            let second = try worker.read(FrameOrder(slot: 1, number: 8, content: .jpeg, length: file.count))
            #expect(second.codes.map(\.bytes) == [Sample.bytes])
            // Cut off, and no JPEG at all.
            let cut = try worker.read(FrameOrder(slot: 1, number: 9, content: .jpeg, length: file.count / 2))
            #expect(cut.isUnreadable && cut.codes.isEmpty)
            let none = try worker.read(FrameOrder(slot: 0, number: 10, content: .jpeg, length: 500))
            #expect(none.isUnreadable && none.codes.isEmpty)
        }
    }

    @Test func `it is in its sandbox, without rights, files or an environment`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            let proc = "/proc/\(worker.process)"
            let status = String(decoding: try read(proc + "/status"), as: UTF8.self)
            #expect(status.contains("Seccomp:\t2\n") && status.contains("NoNewPrivs:\t1\n"))
            #expect(status.contains("Threads:\t1\n"))
            // Not readable for its user's other processes; root reads it, which is not undone.
            let limits = String(decoding: try read(proc + "/limits"), as: UTF8.self).split(separator: "\n")
            func limit(_ name: String) -> [Substring] {
                limits.first { $0.hasPrefix(name) }?.dropFirst(26).split(separator: " ").prefix(2).map { $0 } ?? []
            }
            #expect(limit("Max open files") == ["0", "0"] && limit("Max core file size") == ["0", "0"])
            #expect(limit("Max processes") == ["0", "0"] && limit("Max file size") == ["0", "0"])
            #expect(limit("Max address space").allSatisfy { $0 != "unlimited" })
            #expect(try read(proc + "/environ").isEmpty)
            // Its standard files, the socket, the memory.
            #expect(Files.names(in: proc + "/fd") == ["0", "1", "2", "3", "4"])
        }
    }

    @Test func `it ends when the daemon does`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            #expect(shutdown(worker.socket.file.raw, Int32(SHUT_RDWR)) == 0)
            var status: siginfo_t = .init()
            #expect(waitid(P_PID, id_t(worker.process), &status, WEXITED | WNOWAIT) == 0)
            #expect(worker.end() == "exit 0")
        }
    }

    @Test func `an order that the daemon does not send ends it`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            #expect(worker.socket.send([1, 0, 0, 0, 9]) == .taken)
            #expect(try worker.answer() == nil)
        }
    }

    @Test func `a picture of a frame is put into the outbox`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            let (pixels, width, height) = sample()
            let result = try worker.read(pixels, width: width, height: height, number: 1, picture: .png)
            let file = try #require(worker.memory.picture(of: result.pictureLength))
            let picture = LumaImage()
            try file.withUnsafeBytes { try PNG.decode($0, into: picture) }
            #expect(picture.withPixels { Array($0) } == pixels)
        }
    }

    @Test func `the sharpest frame of a passage is kept, and a new passage begins after a rest`() async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) {
            let worker = try Worker()
            #expect(try worker.answer() == .ready)
            let (sharp, width, height) = sample()
            var number: UInt64 = 0
            func show(_ pixels: [UInt8]) throws -> FrameResult {
                number += 1
                return try worker.read(pixels, width: width, height: height, number: number, keeps: true)
            }
            func kept() throws -> LumaImage? {
                try worker.send(.kept)
                guard case .kept(let length) = try worker.answer() else { throw SetupError("no answer") }
                guard let file = worker.memory.picture(of: length) else { return nil }
                let picture = LumaImage()
                try file.withUnsafeBytes { try JPEGCodec().decode($0, into: picture) }
                return picture
            }
            let flat = [UInt8](repeating: 100, count: width * height)
            #expect(try kept() == nil)
            #expect(try show(flat).sharpness == 0)
            #expect(try show(sharp).sharpness > 0)
            #expect(try show(flat).isChanged)
            // A module of the sample's upper left corner, and paper.
            let one = try #require(try kept())
            #expect(one.view[100, 60] < 60 && one.view[10, 10] > 200)
            for _ in 0..<WorkerOrder.rest { #expect(try !show(flat).isChanged) }
            #expect(try kept()?.view[100, 60] ?? 255 < 60)
            // Another passage, not as sharp.
            let stripe = flat.indices.map { UInt8($0 % width < width / 2 ? 40 : 150) }
            #expect(try show(stripe).isChanged)
            let other = try #require(try kept())
            #expect(abs(Int(other.view[10, 10]) - 40) < 10 && abs(Int(other.view[width - 10, 10]) - 150) < 10)
        }
    }
}

import Glibc
import Model
import Posix
import Scanners
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct FrameFolderTests {
    private let belt: DeviceID

    init() throws { belt = try #require(DeviceID("belt-1")) }

    private final class Said: Sendable {
        let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }
    }

    private func bounds(_ change: (inout FrameFolder.Bounds) -> Void = { _ in }) -> FrameFolder.Bounds {
        var bounds = FrameFolder.Bounds()
        bounds.minFree = 0
        change(&bounds)
        return bounds
    }

    /// Keeps frames one after the other, a second apart, and waits for each.
    private func keep(_ frames: [[UInt8]], in folder: FrameFolder, from second: Int64 = 0) async throws {
        for (index, frame) in frames.enumerated() {
            let before = folder.status
            folder.keep(frame, of: belt, at: (second + Int64(index)) * 1000)
            try await eventually("a frame") { folder.status.kept + folder.status.lost > before.kept + before.lost }
        }
    }

    private func frame(_ size: Int) -> [UInt8] { [0xFF, 0xD8, 0xFF] + [UInt8](repeating: 7, count: size - 3) }

    @Test func `a frame is kept under its device and time, for its group to read`() async throws {
        try await withTemporaryDirectory { directory in
            let folder = FrameFolder(directory + "/frames", bounds: bounds())
            folder.keep(frame(1000), of: belt, at: 1_772_352_959_123)
            try await eventually("a frame") { folder.status.kept == 1 }
            let name = "2026-03-01T08-15-59.123Z_belt-1.jpg"
            #expect(Files.names(in: directory + "/frames") == [name])
            #expect(try read(directory + "/frames/" + name) == frame(1000))
            #expect(Files.status(directory + "/frames/" + name)?.mode == 0o640)
        }
    }

    @Test func `the oldest go first, by number and by bytes, and strange files stay`() async throws {
        try await withTemporaryDirectory { directory in
            try write([1], to: directory + "/0.jpg")
            try write([1], to: directory + "/1970-01-01T00-00-00.000Z_notes.txt")
            let folder = FrameFolder(directory, bounds: bounds { ($0.files, $0.bytes) = (3, 10_000) })
            try await keep([frame(10), frame(11), frame(12), frame(13), frame(14)], in: folder)
            func seconds() -> [String] {
                Files.names(in: directory).filter { $0.hasSuffix("_belt-1.jpg") }.map {
                    String($0.prefix(19).suffix(2))
                }
            }
            #expect(seconds() == ["02", "03", "04"])
            try await keep([frame(9975)], in: folder, from: 5)
            #expect(seconds() == ["04", "05"])
            try await keep([frame(10_000)], in: folder, from: 6)
            #expect(seconds() == ["06"])
            try await keep([frame(10_001)], in: folder, from: 7)
            #expect(seconds() == ["06"] && folder.status.fault.contains("max_frame_bytes"))
            #expect(Files.names(in: directory).count == 3)
        }
    }

    @Test func `a full disk keeps no frame, and is said once`() async throws {
        try await withTemporaryDirectory { directory in
            let said = Said()
            let folder = FrameFolder(directory, bounds: bounds()) { isWell, text in
                said.texts.withLock { $0.append("\(isWell) \(text)") }
            }
            try await keep([frame(10)], in: folder)
            folder.use(bounds { $0.minFree = .max })
            try await keep([frame(10), frame(10)], in: folder, from: 1)
            #expect(Files.names(in: directory).count == 1 && folder.status.lost == 2)
            #expect(said.all.count == 1 && said.all[0].contains("min_free"))
            folder.use(bounds())
            try await keep([frame(10), frame(10)], in: folder, from: 3)
            #expect(Files.names(in: directory).count == 3)
            #expect(said.all.count == 2 && said.all[1].hasPrefix("true"))
        }
    }

    @Test func `a folder that cannot be made costs frames only`() async throws {
        try await withTemporaryDirectory { directory in
            try write([1], to: directory + "/file")
            let said = Said()
            let folder = FrameFolder(directory + "/file/frames", bounds: bounds()) { _, text in
                said.texts.withLock { $0.append(text) }
            }
            try await keep([frame(10), frame(10)], in: folder)
            #expect(folder.status.lost == 2 && folder.status.kept == 0)
            #expect(said.all.count == 1 && said.all[0].contains(directory + "/file/frames"))
        }
    }

    @Test func `what a crash left half written is deleted`() async throws {
        try await withTemporaryDirectory { directory in
            try write([1], to: directory + "/2026-03-01T08-15-59.123Z_belt-1.jpg.part")
            try await keep([frame(10)], in: FrameFolder(directory, bounds: bounds()))
            #expect(Files.names(in: directory) == ["1970-01-01T00-00-00.000Z_belt-1.jpg"])
        }
    }

    @Test func `two frames of one millisecond are two files`() async throws {
        try await withTemporaryDirectory { directory in
            let folder = FrameFolder(directory, bounds: bounds())
            try await keep([frame(10)], in: folder)
            try await keep([frame(11)], in: folder)
            #expect(Files.names(in: directory).count == 2)
        }
    }

    @Test func `frames that the disk is too slow for are counted, and the caller does not wait`() async throws {
        try await withTemporaryDirectory { directory in
            let folder = FrameFolder(directory, bounds: bounds())
            for index in 0..<200 { folder.keep(frame(100_000), of: belt, at: Int64(index)) }
            try await eventually("all frames") { folder.status.kept + folder.status.lost == 200 }
            #expect(Files.names(in: directory).count == folder.status.kept && folder.status.kept > 0)
        }
    }

    @Test func `no files means none`() throws {
        try withTemporaryDirectory { directory in
            let folder = FrameFolder(directory + "/frames", bounds: bounds { $0.files = 0 })
            folder.keep(frame(10), of: belt, at: 0)
            #expect(folder.status.kept == 0 && folder.status.lost == 0)
            #expect(Files.status(directory + "/frames") == nil)
        }
    }
}

import Glibc
import Imaging
import JSON
import Model
import Pictures
import Posix
import TestSupport

@testable import Gateway

/// What a camera sees in these tests: a JPEG in the place of its node, put there anew.
struct CameraTable {
    static let (width, height) = (640, 480)
    let path: String

    /// Puts a picture there; what the camera sees of it, which is what JPEG has left.
    @discardableResult
    func show(_ rows: [UInt32]?, boxAt left: Int? = nil) throws -> LumaImage {
        let picture = LumaImage(width: Self.width, height: Self.height)
        picture.withPixels { pixels in
            pixels.update(repeating: 210)
            for y in 0..<126 where rows != nil {
                for x in 0..<126 where (rows?[y / 6] ?? 0) >> UInt32(20 - x / 6) & 1 == 1 {
                    pixels[(y + 150) * Self.width + x + 200] = 25
                }
            }
            guard let left else { return }
            for y in 100..<300 { for x in left..<left + 150 { pixels[y * Self.width + x] = UInt8(60 + x % 40) } }
        }
        let codec = try JPEGCodec()
        let file = try codec.encode(picture.view)
        try Files.replace(path, with: file)
        try file.withUnsafeBytes { try codec.decode($0, into: picture) }
        return picture
    }
}

extension GatewayBench {
    /// Runs `body` while a daemon, a process of its own, reads the camera belt-1; it is killed afterwards.
    ///
    /// - Parameter isNew: the device has to be added.
    func withCamera(
        _ options: [(key: String, value: JSONValue)] = [], isNew: Bool = true,
        isolation: isolated (any Actor)? = #isolation, _ body: (CameraTable) async throws -> Void
    ) async throws {
        let table = CameraTable(path: directory + "/belt.jpg")
        try table.show(nil)
        let log = directory + "/log"
        // That of the daemon before.
        unlink(log)
        let daemon = try ChildProcess("scangate", ["run", "--config", file], output: log)
        defer { daemon.end(SIGKILL) }
        try await eventually("the daemon to listen") {
            String(decoding: try read(log), as: UTF8.self).contains("ready:") && Files.status(socket) != nil
        }
        if isNew {
            let place = [(key: "port", value: JSONValue.string(table.path))]
            try await ask(
                "device add",
                [("name", .string("belt-1")), ("kind", .string("camera")), ("options", .object(place + options))])
        }
        try await waitUntilRead("belt-1")
        try await body(table)
    }

    /// Runs a command; what it said, and what it exited with.
    func command(_ words: [String]) async throws -> (said: String, exit: Int32?) {
        let (output, file) = (directory + "/said", file)
        return try await onThread {
            unlink(output)
            let exit = try ChildProcess("scangate", words + ["--config", file], output: output).wait()
            return (String(decoding: try read(output), as: UTF8.self), exit)
        }
    }
}

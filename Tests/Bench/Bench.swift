internal import Glibc
internal import Model
internal import Posix

/// Why a benchmark cannot run.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What the command line asks for, and where things are.
struct Bench: Sendable {
    /// Scans of the row `intake`.
    var scans = 200_000
    /// The largest backlog of the row `growth`.
    var backlog = 1_000_000
    /// Frames of the row `camera` that wear its decoder.
    var cameraFrames = 20_000
    /// On the disk that is measured.
    var directory = ""
    /// Where sockets are: a socket's path has to be short.
    var sockets = ""
    /// The directory of the programs.
    var programs = ""

    /// A program of this build.
    func program(_ name: String) -> String { programs + "/" + name }

    /// An empty directory on the measured disk.
    func directory(_ name: String) throws -> String {
        let path = directory + "/" + name
        Tree.remove(path)
        try Files.makeDirectory(path)
        return path
    }
}

/// A directory with all that is in it.
enum Tree {
    static func remove(_ path: String) {
        guard Files.status(path)?.isDirectory == true else {
            unlink(path)
            return
        }
        for name in Files.names(in: path) { remove(path + "/" + name) }
        rmdir(path)
    }

    /// Copies plain files and directories.
    static func copy(_ from: String, to: String) throws {
        guard Files.status(from)?.isDirectory == true else {
            return try Files.replace(to, with: try Files.read(from, limit: 1 << 32), mode: 0o600)
        }
        try Files.makeDirectory(to)
        for name in Files.names(in: from) { try copy(from + "/" + name, to: to + "/" + name) }
    }
}

/// Milliseconds by CLOCK_BOOTTIME.
func nowMs() -> Double { Double(TimeSource.system.now().uptimeNs) / 1e6 }

/// Sleeps, on a thread that may block.
func pause(ms: Double) {
    guard ms > 0 else { return }
    var time = timespec(tv_sec: Int(ms / 1000), tv_nsec: Int(ms * 1e6) % 1_000_000_000)
    nanosleep(&time, nil)
}

/// Runs work that blocks on a thread of its own: the pool's threads belong to the gateway under test.
func blocking<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Threads.run(name: "bench") { continuation.resume(with: Result { try body() }) }
    }
}

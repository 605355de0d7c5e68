internal import CBareLoop
internal import Posix

/// The same commits in plain C. Confined to one thread at a time by its caller.
final class BareSpool: @unchecked Sendable {
    // @unchecked: SQLite's handle may move between threads as long as one at a time uses it, and each row of the
    // benchmark waits for one call before it makes the next.
    private let loop: OpaquePointer

    init(_ directory: String, lanes: Int) throws {
        try Files.makeDirectory(directory)
        guard let loop = bare_loop_open(directory, Int32(lanes)) else {
            throw BenchError("the bare loop cannot make its database in \(directory)")
        }
        self.loop = loop
    }

    deinit { bare_loop_close(loop) }

    /// Commits of these sizes; milliseconds of each.
    func commits(_ sizes: [Int32], wire: [UInt8]) throws -> [Double] {
        var took = [Int64](repeating: 0, count: sizes.count)
        let status = bare_loop_commits(loop, sizes, Int32(sizes.count), wire, Int32(wire.count), &took)
        guard status == 0 else { throw BenchError("the bare loop failed with SQLite \(status)") }
        return took.map { Double($0) / 1e6 }
    }

    /// Commits of one scan each; milliseconds of each.
    ///
    /// The WAL is folded into the file afterwards: a file that grows takes longer to sync, and the daemon's does not
    /// grow at that pace.
    func singles(_ count: Int, wire: [UInt8]) throws -> [Double] {
        let took = try commits([Int32](repeating: 1, count: count), wire: wire)
        try checkpoint()
        return took
    }

    /// Folds the WAL into the file.
    func checkpoint() throws {
        let status = bare_loop_checkpoint(loop)
        guard status == 0 else { throw BenchError("the bare loop's checkpoint failed with SQLite \(status)") }
    }
}

enum Bare {
    /// CPU seconds of the calling thread for `body`.
    static func cpu(_ body: () throws -> Void) rethrows -> Double {
        let start = bare_loop_thread_cpu()
        try body()
        return Double(bare_loop_thread_cpu() - start) / 1e9
    }

    /// Reads and compresses a whole spool; the scans.
    static func drain(_ spool: String, batch: Int32 = 250) throws -> Int64 {
        let scans = bare_loop_drain(spool, batch)
        guard scans >= 0 else { throw BenchError("the bare loop cannot read \(spool): SQLite \(-scans)") }
        return scans
    }

    /// Reads, compresses and publishes a whole spool by MQTT, 16 batches under way; scans a second.
    static func publish(_ spool: String, port: Int, batch: Int32 = 250) throws -> Double {
        let start = nowMs()
        let scans = bare_mqtt_drain(spool, Int32(port), batch, 16)
        guard scans > 0 else { throw BenchError("the bare loop cannot publish \(spool) to port \(port)") }
        return Double(scans) * 1000 / (nowMs() - start)
    }

    /// Milliseconds of an fdatasync after 4 KiB, each of 200.
    static func syncs(in directory: String) throws -> [Double] {
        var took = [Int64](repeating: 0, count: 200)
        let failure = bare_loop_syncs(directory + "/sync", 200, &took)
        guard failure == 0 else { throw SystemError("write", directory, code: failure) }
        return took.map { Double($0) / 1e6 }
    }
}

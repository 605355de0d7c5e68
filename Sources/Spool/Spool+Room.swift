internal import Database
internal import Posix

/// Whether there is room for a scan, and how some is made.
extension Spool {
    /// Throws `SpoolError` with code `full` where no further scan may be stored, and says which bound it is.
    public func room() throws(SpoolError) {
        guard unjudged < limits.maxScans else {
            throw SpoolError(
                .full, "the spool holds \(unjudged) scans, max_scans is \(limits.maxScans)",
                hint: "see `scangate uplink list`, or raise [spool] max_scans")
        }
        if commitsSinceLook >= 64 { try look() }
        guard bytesAtLastLook < limits.maxBytes else {
            // Looked at again at once next time, so that room is seen as soon as there is some.
            commitsSinceLook = 64
            throw SpoolError(
                .full, "\(path) has \(bytesAtLastLook) bytes of live pages and WAL, max_bytes is \(limits.maxBytes)",
                hint: "see `scangate uplink list`, or raise [spool] max_bytes")
        }
        try roomOnBallast()
        guard let free = try? Files.freeBytes(path) else { return }
        guard free >= limits.minFree else {
            throw SpoolError(
                .full, "the filesystem of \(path) has \(free) bytes free, min_free is \(limits.minFree)",
                hint: "free room there; scanning goes on by itself")
        }
    }

    /// Bytes of live pages and WAL.
    public func bytes() throws(SpoolError) -> Int64 {
        // Whoever asks how the spool does asks most while it does badly.
        guard isOpen else { return (Files.status(path)?.size ?? 0) + (Files.status(path + "-wal")?.size ?? 0) }
        do {
            func pragma(_ name: String) throws(DatabaseError) -> Int64 {
                try connection.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
            }
            let live = try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
            return live + (Files.status(path + "-wal")?.size ?? 0)
        } catch {
            throw SpoolError(error)
        }
    }

    private func look() throws(SpoolError) {
        bytesAtLastLook = try bytes()
        if bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16 {
            // The WAL first: it may be most of it, and what is kept for `scans find` should not pay for it.
            try fold()
            bytesAtLastLook = try bytes()
        }
        if bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16 {
            // What was removed is in the WAL now, all of it: that must not count as full.
            if try prune(olderThan: nil, atMost: 4096) > 0 { try fold() }
            bytesAtLastLook = try bytes()
        }
        isPressed = bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16
        if keepsBallast && !ballast.isThere { ballast.layDown() }
        commitsSinceLook = 0
    }

    // Who reads a large list, or folds the WAL in just now, keeps the WAL from being cut. That is no failure of the file, and
    // no scan waits for it: where the spool counts as full because of it, the next look is with the next scan.
    private func fold() throws(SpoolError) {
        do { try connection.checkpoint(truncating: true, patienceMs: 100) } catch {
            guard error.kind == .busy else { throw SpoolError(error) }
        }
    }
}

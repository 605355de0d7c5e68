internal import Glibc
internal import Model
public import Posix

/// What is done with a damaged spool: it is set aside under a dated name, never deleted.
public enum SpoolRecovery {
    /// Renames the file and its companions, so that a new one can be made.
    ///
    /// - Returns: the new name of the file.
    public static func setAside(directory: String, wallMs: Int64) throws(SystemError) -> String {
        let stamp = Timestamp.text(wallMs).filter { $0.isNumber || $0 == "T" || $0 == "Z" }
        var kept = "\(directory)/spool.db.damaged-\(stamp)"
        // Two in one millisecond must not overwrite one another.
        var count = 1
        while Files.status(kept) != nil {
            count += 1
            kept = "\(directory)/spool.db.damaged-\(stamp)-\(count)"
        }
        for suffix in ["", "-wal", "-shm"] where Files.status("\(directory)/spool.db\(suffix)") != nil {
            let old = "\(directory)/spool.db\(suffix)"
            guard rename(old, kept + suffix) == 0 else { throw SystemError("rename", old) }
        }
        try Files.syncDirectory(of: kept)
        return kept
    }

    /// What an admin does with a file that was set aside.
    public static func advice(_ path: String) -> String {
        "scans in it are not lost yet: copy it elsewhere, then: sqlite3 \(path) .recover | sqlite3 recovered.db, "
            + "and read the scans with: sqlite3 recovered.db 'SELECT wire FROM scan'"
    }
}

internal import Glibc
internal import Posix

/// Room on the filesystem that is kept for a start and for what waits, should another program fill it to the last byte.
///
/// A file of `size` bytes in the state directory, allocated and empty of meaning. It is given up a `step` at a time, by
/// cutting the file, and laid down again once there is room: its length says over restarts how much was given up. For who
/// holds the state directory's lock alone. Does nothing that scans wait for but a `stat` and, with room again, an
/// allocation.
///
/// It does not keep what it has given up from who goes on filling the disk, hence the steps.
public struct Ballast: Sendable {
    /// Bytes of it when it is whole. The two databases' shared memory and the log id of a start take some 100 KiB; folding in
    /// what a WAL holds between two checkpoints takes up to 3 MiB more.
    public static let size: Int64 = 4 << 20
    /// What is given up at once.
    public static let step: Int64 = 1 << 20

    private let path: String
    private let minFree: Int64

    /// That of a state directory, of whose filesystem `minFree` bytes are not its own to take.
    public init(directory: String, minFree: Int64) {
        path = directory + "/ballast"
        self.minFree = minFree
    }

    /// Whether there is one, whole or in part.
    public var isThere: Bool { Files.status(path) != nil }

    /// Bytes that were given up; 0 as well where there never was one.
    public var missing: Int64 { Files.status(path).map { max(0, Self.size - $0.size) } ?? 0 }

    /// Bytes that have to be free for it to be laid down. A step more than it takes and `min_free` asks for, or on a disk
    /// that stays full it would be laid down and given up in turn.
    public var wanted: Int64 { minFree + (Self.size - allocated) + Self.step }

    /// Gives up a step where less than that is free. The bytes can be written when it returns.
    ///
    /// - Returns: false where nothing is left of it, or where the filesystem has room.
    public func giveUp() -> Bool {
        guard let size = Files.status(path)?.size, size > 0, let free = try? Files.freeBytes(path), free < Self.step,
            let file = try? FileDescriptor.open(path, O_WRONLY), ftruncate(file.raw, Int(max(0, size - Self.step))) == 0
        else { return false }
        // ext4 hands blocks out again only once its journal says that they are free.
        fsync(file.raw)
        Log.warning(
            "the filesystem of \(path) is full: \(min(size, Self.step) >> 10) KiB of the ballast given up for what waits, "
                + "\(max(0, size - Self.step) >> 10) KiB are left")
        return true
    }

    /// What came of laying it down.
    public enum Outcome: Sendable, Equatable {
        /// It is whole.
        case whole
        /// Less than `wanted` bytes are free.
        case noRoom
        /// There is room, and still it could not be made: a quota, a file of somebody else's, a disk that fails.
        case failed(String)
    }

    /// Lays down what is missing, or all of it, where `wanted` bytes are free.
    @discardableResult public func layDown() -> Outcome {
        let isThere = isThere
        // Its blocks are counted as well: a copy of the state directory has a file of that length with none.
        guard allocated < Self.size else { return .whole }
        guard let free = try? Files.freeBytes(Files.parent(path)), free >= wanted else {
            return isThere && missing == 0 ? .whole : .noRoom
        }
        do throws(SystemError) {
            // Read as well: where the filesystem cannot allocate, the C library writes a byte a block, and looks first what
            // the file has there (posix_fallocate(3)).
            let file = try FileDescriptor.open(path, O_RDWR | O_CREAT)
            let code = posix_fallocate(file.raw, 0, Int(Self.size))
            guard code == 0, fsync(file.raw) == 0 else {
                throw SystemError("allocate", path, code: code == 0 ? errno : code)
            }
            if !isThere { try? Files.syncDirectory(of: path) }
            return .whole
        } catch {
            // A short one that was never whole would say that what is missing was given up.
            if !isThere { unlink(path) }
            return .failed(error.description)
        }
    }

    // By blocks, in 512 bytes (stat(2)), and no more than its length.
    private var allocated: Int64 {
        var file = stat()
        guard stat(path, &file) == 0 else { return 0 }
        return min(Int64(file.st_blocks) * 512, Int64(file.st_size))
    }
}

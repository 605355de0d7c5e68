internal import CLinux
internal import Glibc

/// `flock` on a file: one daemon a state directory. Held until the value goes; the kernel lets go when a process dies.
public struct FileLock: ~Copyable, Sendable {
    private let file: FileDescriptor

    /// Who holds a lock that could not be had.
    public struct Held: Error, Sendable, CustomStringConvertible {
        /// The lock file.
        public let path: String
        /// The process that holds it, as it wrote into the file.
        public let holder: String
        /// A sentence for people.
        public var description: String { "\(path) is locked by \(holder): one daemon or command at a time" }
    }

    /// Takes the lock, or throws `Held` or `SystemError` at once.
    public init(_ path: String) throws {
        let file = try FileDescriptor.open(path, O_RDWR | O_CREAT)
        guard scangate_lock_file(file.raw) == 0 else {
            let code = errno
            guard code == EWOULDBLOCK else { throw SystemError("lock", path, code: code) }
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = try file.read(into: &bytes, subject: path) ?? 0
            let digits = String(decoding: bytes[..<count].prefix { (48...57).contains($0) }, as: UTF8.self)
            throw Held(path: path, holder: digits.isEmpty ? "another process" : "process \(digits)")
        }
        // Over what is there, then cut: an emptied file may not get its block back on a full filesystem. Who holds the lock is
        // a help to people, and worth no failure.
        let holder = Array("\(getpid())\n".utf8)
        if (try? file.write(holder, subject: path)) != nil { ftruncate(file.raw, off_t(holder.count)) }
        self.file = file
    }
}

public import Glibc

/// Whole files, permissions and free space.
public enum Files {
    /// What `stat` says of a path.
    public struct Status: Sendable, Equatable {
        /// Permission bits.
        public let mode: mode_t
        /// The owner.
        public let owner: uid_t
        /// The group.
        public let group: gid_t
        /// Bytes.
        public let size: Int64
        /// Whether it is a directory.
        public let isDirectory: Bool
    }

    /// What `stat` says, or nil where nothing is there or it may not be looked at.
    public static func status(_ path: String) -> Status? {
        var buffer = stat()
        guard stat(path, &buffer) == 0 else { return nil }
        return Status(
            mode: buffer.st_mode & 0o7777, owner: buffer.st_uid, group: buffer.st_gid, size: Int64(buffer.st_size),
            isDirectory: buffer.st_mode & S_IFMT == S_IFDIR)
    }

    /// The path without links and dots (realpath(3)), or nil where nothing is there.
    public static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// A file's bytes; at most `limit` of them, a larger file is an error (EFBIG).
    public static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        let file = try FileDescriptor.open(path, O_RDONLY)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while let count = try file.read(into: &chunk, subject: path), count > 0 {
            bytes += chunk[..<count]
            guard bytes.count <= limit else { throw SystemError("read", path, code: EFBIG) }
        }
        return bytes
    }

    /// Puts a file in place so that a crash leaves the old or the new one, never a part: written beside it, fsynced,
    /// renamed, and the directory fsynced.
    public static func replace(_ path: String, with bytes: [UInt8], mode: mode_t = 0o600) throws(SystemError) {
        let temporary = path + ".new"
        unlink(temporary)
        let file = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        try file.write(bytes, subject: temporary)
        guard fsync(file.raw) == 0 else { throw SystemError("fsync", temporary) }
        guard rename(temporary, path) == 0 else { throw SystemError("rename to", path) }
        try syncDirectory(of: path)
    }

    /// Makes the entries of a path's directory durable.
    public static func syncDirectory(of path: String) throws(SystemError) {
        let directory = parent(path)
        let file = try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
        guard fsync(file.raw) == 0 else { throw SystemError("fsync", directory) }
    }

    /// Makes a directory where there is none; its parent must be there.
    public static func makeDirectory(_ path: String, mode: mode_t = 0o700) throws(SystemError) {
        guard mkdir(path, mode) == 0 || (errno == EEXIST && status(path)?.isDirectory == true) else {
            throw SystemError("make directory", path)
        }
    }

    /// The directory part of a path.
    public static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The names in a directory, sorted; none where it cannot be read.
    public static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// Bytes free for this process on the filesystem of a path.
    public static func freeBytes(_ path: String) throws(SystemError) -> Int64 {
        var buffer = statvfs()
        guard statvfs(path, &buffer) == 0 else { throw SystemError("look at the filesystem of", path) }
        return Int64(buffer.f_bavail) * Int64(buffer.f_frsize)
    }

    /// Why a secret file may not be used, with the command that mends it, or nil where it may: it must belong to
    /// root or this process's user, and nobody else may read or write it (as ssh asks of its keys). To root, any owner
    /// will do.
    public static func secretFault(_ path: String) -> String? {
        guard let status = status(path) else { return SystemError("open", path).description }
        guard status.mode & 0o077 == 0 else {
            return "\(path) can be read by others (mode \(String(status.mode, radix: 8))); run: chmod 600 \(path)"
        }
        guard status.owner == 0 || geteuid() == 0 || status.owner == geteuid() else {
            return "\(path) belongs to \(Users.name(status.owner)); run: chown \(Users.name(geteuid())) \(path)"
        }
        return nil
    }
}

/// Users and groups of the system.
public enum Users {
    /// A user's name, or its number where it has none.
    public static func name(_ user: uid_t) -> String {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwuid_r(user, &record, &buffer, buffer.count, &found) == 0, found != nil, let name = record.pw_name
        else { return String(user) }
        return String(cString: name)
    }

    /// A user's number, or nil where there is no such user.
    public static func user(named name: String) -> uid_t? { record(named: name)?.user }

    /// A user's primary group, or nil where the user has no name.
    public static func primaryGroup(of user: uid_t) -> gid_t? { record(named: name(user))?.group }

    private static func record(named name: String) -> (user: uid_t, group: gid_t)? {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getpwnam_r(name, &record, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return (record.pw_uid, record.pw_gid)
    }

    /// A group's number, or nil where there is no such group.
    public static func group(named name: String) -> gid_t? {
        var record = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getgrnam_r(name, &record, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return record.gr_gid
    }

    /// A group's name, or its number where it has none.
    public static func groupName(_ group: gid_t) -> String {
        var record = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getgrgid_r(group, &record, &buffer, buffer.count, &found) == 0, found != nil, let name = record.gr_name
        else { return String(group) }
        return String(cString: name)
    }

    /// All groups of a user: the primary one and those that list it.
    public static func groups(of user: uid_t, primary: gid_t) -> [gid_t] {
        var count: Int32 = 64
        var groups = [gid_t](repeating: 0, count: 64)
        if getgrouplist(name(user), primary, &groups, &count) < 0 {
            groups = [gid_t](repeating: 0, count: Int(count))
            getgrouplist(name(user), primary, &groups, &count)
        }
        return Array(groups.prefix(Int(count)))
    }
}

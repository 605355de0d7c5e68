internal import CLinux
internal import Glibc

/// Who is at the other end of a unix socket, as the kernel saw it when the connection was made (SO_PEERCRED).
public struct PeerCredentials: Sendable, Equatable {
    /// The process.
    public let process: Int32
    /// The user.
    public let user: UInt32
    /// The primary group.
    public let group: UInt32
}

/// Stream sockets in the filesystem (unix(7)).
public enum UnixSocket {
    /// Listens at a path: a stale socket is replaced, mode 0660, owned by `group` where given.
    ///
    /// The caller holds the state directory's lock, so what is at the path belongs to no living daemon.
    public static func listen(_ path: String, group: UInt32?) throws(SystemError) -> FileDescriptor {
        var address = try self.address(path)
        let listener = try make(path)
        unlink(path)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener.raw, $0, size) }
        }
        guard bound == 0 else { throw SystemError("listen on", path) }
        guard chmod(path, 0o660) == 0 else { throw SystemError("chmod 660", path) }
        // Without the right to give the socket to the group it stays with the daemon's own user and root.
        if let group { _ = chown(path, UInt32.max, group) }
        guard Glibc.listen(listener.raw, 16) == 0 else { throw SystemError("listen on", path) }
        return listener
    }

    /// The next connection, non-blocking, or nil where none waits.
    public static func accept(_ listener: Int32) -> FileDescriptor? {
        let fd = scangate_accept(listener)
        return fd >= 0 ? FileDescriptor(owning: fd) : nil
    }

    /// Connects to a path, blocking.
    public static func connect(_ path: String) throws(SystemError) -> FileDescriptor {
        var address = try self.address(path)
        let socket = try make(path, flags: 0)
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(socket.raw, $0, size) }
        }
        guard connected == 0 else { throw SystemError("connect to", path) }
        return socket
    }

    /// Who is at the other end.
    public static func peer(_ socket: Int32) -> PeerCredentials? {
        var (process, user, group) = (Int32(0), UInt32(0), UInt32(0))
        guard scangate_peer(socket, &process, &user, &group) == 0 else { return nil }
        return PeerCredentials(process: process, user: user, group: group)
    }

    private static func make(_ path: String, flags: UInt32 = SOCK_NONBLOCK.rawValue) throws(SystemError)
        -> FileDescriptor
    {
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | flags), 0)
        guard fd >= 0 else { throw SystemError("make a socket for", path) }
        return FileDescriptor(owning: fd)
    }

    static func address(_ path: String) throws(SystemError) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // The kernel's limit is 108 bytes with the final NUL.
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("use", path, code: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // A leading @ means the abstract namespace, as in sd_notify(3).
        if bytes.first == UInt8(ascii: "@") { withUnsafeMutableBytes(of: &address.sun_path) { $0[0] = 0 } }
        return address
    }
}

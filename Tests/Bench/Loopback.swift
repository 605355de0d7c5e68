internal import Glibc
internal import Posix

/// TCP on 127.0.0.1.
enum Loopback {
    /// A port that nobody had a moment ago.
    static func freePort() throws -> Int {
        let descriptor = stream()
        var address = address(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                bind(descriptor.raw, place, size) == 0 ? getsockname(descriptor.raw, place, &size) : -1
            }
        }
        guard status == 0 else { throw SystemError("find", "a free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// A connection, which blocks.
    static func connect(_ port: Int) throws -> FileDescriptor {
        let descriptor = stream()
        var address = address(port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor.raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw SystemError("connect to", "port \(port)") }
        return descriptor
    }

    private static func stream() -> FileDescriptor {
        FileDescriptor(owning: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        return address
    }
}

import Glibc
import Posix
import TestSupport
import Testing

/// Serialized: the environment is the process's.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ServiceTests {
    /// A datagram socket as the service manager has it.
    private func listen(_ name: String) throws -> Int32 {
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if bytes.first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        // An abstract name is exactly as long as is said.
        let size = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
        }
        guard bound == 0 else { throw SetupError("bind \(name): \(String(cString: strerror(errno)))") }
        return socket
    }

    private func datagram(_ socket: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    @Test(arguments: [true, false]) func `the service manager is told by path and by abstract name`(isAbstract: Bool)
        throws
    {
        try withTemporaryDirectory { directory in
            let name = isAbstract ? "@scangate-test-\(getpid())" : directory + "/notify"
            let socket = try listen(name)
            defer { close(socket) }
            setenv("NOTIFY_SOCKET", name, 1)
            defer { unsetenv("NOTIFY_SOCKET") }
            ServiceManager.notify("READY=1", "STATUS=reading scanners")
            #expect(datagram(socket) == "READY=1\nSTATUS=reading scanners")
            ServiceManager.notify("WATCHDOG=1")
            #expect(datagram(socket) == "WATCHDOG=1")
            #expect(datagram(socket) == "")
        }
    }

    @Test(arguments: [nil, "", "relative", "/not/there", "@" + String(repeating: "x", count: 200)] as [String?])
    func `without a service manager that can be reached nothing happens`(name: String?) {
        if let name { setenv("NOTIFY_SOCKET", name, 1) }
        defer { unsetenv("NOTIFY_SOCKET") }
        ServiceManager.notify("READY=1")
    }

    @Test(
        arguments: [("30000000", Duration.seconds(15)), ("0", nil), ("-1", nil), ("soon", nil), ("", nil)]
            as [(String, Duration?)])
    func `the watchdog is fed twice as often as it asks`(text: String, interval: Duration?) {
        setenv("WATCHDOG_USEC", text, 1)
        defer { unsetenv("WATCHDOG_USEC") }
        #expect(ServiceManager.watchdogInterval == interval)
    }

    @Test func `another process sees a lock, and takes it once it is free`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/lock"
            let ask = "flock -n \(path) echo free || echo held"
            let lock = try FileLock(path)
            #expect(try shell(ask) == "held\n")
            #expect(try read(path) == Array("\(getpid())\n".utf8))
            _ = consume lock
            #expect(try shell(ask) == "free\n")
        }
    }

    @Test func `a lock is free when the process that held it was killed`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/lock"
            let said = try shell(
                """
                perl -e 'use Fcntl ":flock"; open F, ">", shift; flock F, LOCK_EX; $| = 1; print "x\n"; sleep 600' \
                    \(path) >\(directory)/up 2>&1 &
                until [ -s \(directory)/up ]; do :; done
                flock -n \(path) echo free || echo held
                kill -9 $!; wait $!
                flock -n \(path) echo free || echo held
                """)
            #expect(said.hasPrefix("held\n") && said.hasSuffix("free\n"), "\(said)")
            _ = try FileLock(path)
        }
    }
}

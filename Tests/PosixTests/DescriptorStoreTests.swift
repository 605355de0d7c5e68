import Glibc
import TestSupport
import Testing

@testable import Posix

/// A service manager's end of `$NOTIFY_SOCKET`: takes datagrams and the descriptors that come with them.
private final class FakeManager {
    let path: String
    private let socket: Int32

    init(_ directory: String) throws {
        path = directory + "/notify"
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw SetupError("bind \(path)") }
        setenv("NOTIFY_SOCKET", path, 1)
    }

    deinit {
        unsetenv("NOTIFY_SOCKET")
        close(socket)
    }

    /// The next message, and the descriptor that came with it; nil where none waits. The caller closes it.
    func next() -> (text: String, descriptor: Int32?)? {
        var text = [UInt8](repeating: 0, count: 4096)
        // cmsghdr of 16 bytes, then the descriptor (CMSG_DATA, which Glibc's module lacks).
        var control = [UInt8](repeating: 0, count: 64)
        return text.withUnsafeMutableBytes { textBytes in
            control.withUnsafeMutableBytes { controlBytes in
                var part = iovec(iov_base: textBytes.baseAddress, iov_len: textBytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    (message.msg_iov, message.msg_iovlen) = (part, 1)
                    (message.msg_control, message.msg_controllen) = (controlBytes.baseAddress, controlBytes.count)
                    let flags = Int32(MSG_DONTWAIT)
                    let count = recvmsg(socket, &message, flags)
                    guard count >= 0 else { return nil }
                    let hasDescriptor = message.msg_controllen >= 20
                    return (
                        String(decoding: textBytes.prefix(count), as: UTF8.self),
                        hasDescriptor ? controlBytes.load(fromByteOffset: 16, as: Int32.self) : nil
                    )
                }
            }
        }
    }

    func texts() -> [String] {
        var all: [String] = []
        while let message = next() {
            all.append(message.text)
            if let descriptor = message.descriptor { close(descriptor) }
        }
        return all
    }
}

extension ServiceTests {
    private func withManager(_ body: (FakeManager, String) throws -> Void) throws {
        try withTemporaryDirectory { try body(FakeManager($0), $0) }
    }

    /// A pipe: what is written to `write` is read from any duplicate of `read`.
    private final class Pipe {
        let read: FileDescriptor
        let write: FileDescriptor

        init() throws {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { throw SetupError("pipe") }
            read = FileDescriptor(owning: ends[0])
            write = FileDescriptor(owning: ends[1])
        }
    }

    private func text(_ descriptor: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    private func text(of name: String, in store: DescriptorStore) -> String? {
        guard let file = store.file(name) else { return nil }
        return text(file.raw)
    }

    @Test func `the service manager gets the file itself, under its name`() throws {
        try withManager { manager, _ in
            let pipe = try Pipe()
            let store = DescriptorStore()
            #expect(try store.store(pipe.read.raw, as: "keyboard-1"))
            let message = try #require(manager.next())
            #expect(message.text == "FDSTORE=1\nFDNAME=keyboard-1")
            let descriptor = try #require(message.descriptor)
            try pipe.write.write(Array("waits".utf8), subject: "pipe")
            #expect(text(descriptor) == "waits")
            close(descriptor)
            // The plain messages carry none.
            ServiceManager.notify("READY=1")
            let plain = try #require(manager.next())
            #expect(plain.text == "READY=1" && plain.descriptor == nil)
        }
    }

    @Test func `what is stored is found again, is renamed and removed, and the manager hears of it in order`() throws {
        try withManager { manager, _ in
            let pipe = try Pipe()
            let store = DescriptorStore()
            try store.store(pipe.read.raw, as: "a")
            try store.store(pipe.read.raw, as: "a")
            store.rename("a", to: "b")
            store.rename("nobody", to: "c")
            #expect(store.names == ["b"])
            let hasOld = store.file("a") != nil
            #expect(!hasOld)
            try pipe.write.write(Array("found".utf8), subject: "pipe")
            #expect(text(of: "b", in: store) == "found")
            store.remove("b")
            store.remove("b")
            #expect(store.names == [])
            #expect(
                manager.texts() == [
                    "FDSTORE=1\nFDNAME=a", "FDSTOREREMOVE=1\nFDNAME=a", "FDSTORE=1\nFDNAME=a",
                    "FDSTOREREMOVE=1\nFDNAME=a", "FDSTORE=1\nFDNAME=b", "FDSTOREREMOVE=1\nFDNAME=b",
                ])
        }
    }

    @Test func `the store is bounded, and lets go of its files`() throws {
        unsetenv("NOTIFY_SOCKET")
        let pipe = try Pipe()
        do {
            let store = DescriptorStore()
            for number in 0..<DescriptorStore.limit {
                let isAsked = try store.store(pipe.write.raw, as: "\(number)")
                #expect(!isAsked)
            }
            let error = #expect(throws: SystemError.self) { try store.store(pipe.write.raw, as: "one more") }
            #expect(error?.code == ENOSPC)
            try store.store(pipe.write.raw, as: "7")
        }
        // Every duplicate is closed with the store: the other end sees that nobody writes any more.
        var ends: [Int32] = [0, 0]
        #expect(Glibc.pipe(&ends) == 0)
        do {
            let store = DescriptorStore()
            try store.store(ends[1], as: "writer")
            close(ends[1])
            #expect(store.names == ["writer"])
        }
        var byte: UInt8 = 0
        #expect(Glibc.read(ends[0], &byte, 1) == 0)
        close(ends[0])
    }

    // In processes of their own: they take over descriptors by number, and change the environment.
    @Test func `the next process finds what was kept, by name, and no child of it does`() async {
        await #expect(processExitsWith: .success) {
            let pipe = try Pipe()
            // Other tests' files may have been inherited.
            let free = (700..<1000).first { first in (first...first + 2).allSatisfy { fcntl($0, F_GETFD) < 0 } }
            guard let first = free else { throw SetupError("no three numbers are free") }
            let (second, third) = (first + 1, first + 2)
            for (from, to) in [(pipe.read.raw, first), (pipe.write.raw, second), (pipe.write.raw, third)] {
                #expect(dup2(from, to) == to)
            }
            setenv("LISTEN_PID", "\(getpid())", 1)
            setenv("LISTEN_FDS", "3", 1)
            setenv("LISTEN_FDNAMES", "keyboard-1:keyboard-2-rest:keyboard-1", 1)
            let store = DescriptorStore.inherited(from: first)
            #expect(store.names == ["keyboard-1", "keyboard-2-rest"])
            #expect(fcntl(first, F_GETFD) == FD_CLOEXEC && fcntl(second, F_GETFD) == FD_CLOEXEC)
            #expect(fcntl(third, F_GETFD) < 0)
            for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { #expect(getenv(name) == nil) }
            try pipe.write.write(Array("waits".utf8), subject: "pipe")
            var bytes = [UInt8](repeating: 0, count: 16)
            guard let file = store.file("keyboard-1") else { throw SetupError("nothing was kept") }
            let count = read(file.raw, &bytes, bytes.count)
            #expect(count == 5 && bytes.starts(with: Array("waits".utf8)))
        }
    }

    @Test func `what is for another process, or no count, is left alone`() async {
        await #expect(processExitsWith: .success) {
            for (process, count) in [("1", "1"), ("x", "1"), ("", "0"), ("\(getpid())", "-1"), ("\(getpid())", "9999")]
            {
                setenv("LISTEN_PID", process, 1)
                setenv("LISTEN_FDS", count, 1)
                #expect(DescriptorStore.inherited(from: 900).names == [])
                #expect(getenv("LISTEN_FDS") == nil)
            }
        }
    }
}

internal import CLinux
internal import Glibc

/// Memory that two processes share: a file without a name (memfd_create(2)) that is sealed at its size, and its mapping.
///
/// What is in it may change at any time by the other process's hand; nobody gets SIGBUS from it.
public final class MemoryFile: Sendable {
    /// To be handed to the other process.
    public let file: FileDescriptor
    /// The mapping, for as long as this value lives.
    ///
    /// Who writes where is agreed between the processes; within one, whoever shares the value must agree as well.
    nonisolated(unsafe) public let bytes: UnsafeMutableRawBufferPointer

    /// New memory, all zero. What is not touched costs nothing.
    public convenience init(name: String, size: Int) throws(SystemError) {
        let raw = scangate_memory_file(name, size)
        guard raw >= 0 else { throw SystemError("make", "memory to share (memfd_create)") }
        try self.init(FileDescriptor(owning: raw), size: size)
    }

    /// Maps memory that another process has made; throws EINVAL where it is smaller.
    public init(_ file: consuming FileDescriptor, size: Int) throws(SystemError) {
        var status = stat()
        guard fstat(file.raw, &status) == 0, status.st_size >= size else {
            throw SystemError("use", "memory of another process", code: EINVAL)
        }
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.raw, 0), base != MAP_FAILED else {
            throw SystemError("map", "shared memory")
        }
        bytes = UnsafeMutableRawBufferPointer(start: base, count: size)
        self.file = file
    }

    deinit { munmap(bytes.baseAddress, bytes.count) }
}

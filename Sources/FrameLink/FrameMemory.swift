internal import Glibc
public import Model
public import Posix

/// The memory that a daemon and one decode worker share: slots for frames, which the daemon writes, and an outbox for a
/// picture, which the worker writes, beside a note of what it is at.
///
/// A slot belongs to the worker from the order that names it until the answer; the outbox to the daemon from an answer
/// that has a picture until the next order. The worker is not trusted: the daemon never reads a slot, and takes from the
/// outbox bytes only. 48 MiB of address space; what no frame has touched costs no memory.
public final class FrameMemory: Sendable {
    /// Two: while the worker reads one frame, the newest waits in the other.
    public static let slots = 2
    /// The most bytes of one frame: 4096 by 4096 pixels of luma, or a JPEG.
    public static let slotSize = 16 << 20
    /// The most bytes of a picture file, which may have all slots.
    public static let fileSize = slots * slotSize
    /// The most bytes of a picture: luma has as many as its frame.
    public static let outboxSize = slotSize
    /// All of it: behind the outbox a page for what the worker notes.
    public static let size = slots * slotSize + outboxSize + 4096

    private let memory: MemoryFile

    /// New memory; the daemon's side.
    public init() throws(SystemError) { memory = try MemoryFile(name: "scangate-frames", size: Self.size) }

    /// Memory that the daemon has made; the worker's side.
    public init(_ file: consuming FileDescriptor) throws(SystemError) {
        memory = try MemoryFile(file, size: Self.size)
    }

    /// To be handed to the worker.
    public var descriptor: Int32 { memory.file.raw }

    /// One slot.
    public func slot(_ number: Int) -> UnsafeMutableRawBufferPointer {
        precondition((0..<Self.slots).contains(number), "there is no such slot")
        return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[(number * Self.slotSize)...].prefix(Self.slotSize))
    }

    /// All slots as one, for a file: no frame waits beside it.
    public var file: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: memory.bytes.prefix(Self.fileSize))
    }

    /// Notes which decoder is at work, so that it is known where a worker was lost. The worker's side.
    public func note(_ decoder: CodeDecoder?) { memory.bytes[Self.size - 4096] = decoder?.rawValue ?? 0 }

    /// The decoder that the worker has noted; nil for none, and for rubbish.
    public var noted: CodeDecoder? { CodeDecoder(rawValue: memory.bytes[Self.size - 4096]) }

    /// The picture that the worker has written, or nil where it claims more than there can be.
    public func picture(of length: Int) -> [UInt8]? {
        guard (1...Self.outboxSize).contains(length) else { return nil }
        // Copied before anybody looks at it: the worker may go on writing.
        return Array(memory.bytes[(Self.slots * Self.slotSize)...].prefix(length))
    }

    /// Puts a picture into the outbox; false where it is too large. The worker's side.
    public func put(_ picture: [UInt8]) -> Bool {
        guard picture.count <= Self.outboxSize else { return false }
        let outbox = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[(Self.slots * Self.slotSize)...])
        picture.withUnsafeBytes { outbox.copyMemory(from: $0) }
        return true
    }
}

internal import Glibc
internal import Synchronization

/// The way back to a scanner, for one opening of its port. Any thread.
///
/// The descriptor is taken away under the lock before the port closes it, so that an answer that comes late never
/// reaches another file that got the same number.
final class AnswerLine: Sendable {
    private let descriptor: Mutex<Int32?>

    init(_ descriptor: Int32) { self.descriptor = Mutex(descriptor) }

    /// Writes one byte; gives up where the port is gone or takes no more.
    func send(_ byte: UInt8) {
        descriptor.withLock { descriptor in
            guard let descriptor else { return }
            _ = withUnsafePointer(to: byte) { write(descriptor, $0, 1) }
        }
    }

    /// Called before the descriptor is closed.
    func close() { descriptor.withLock { $0 = nil } }
}

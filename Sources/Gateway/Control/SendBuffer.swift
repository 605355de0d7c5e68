/// What a connection's other end has not taken yet, in order.
struct SendBuffer {
    /// What is sent stays in memory up to here, and as long as more waits: a move of all that waits for each piece that is
    /// sent would cost the poll thread more than the sending.
    static let keptWhenSent = 1 << 20

    private var bytes: [UInt8] = []
    private var sent = 0

    /// How many bytes wait.
    var count: Int { bytes.count - sent }

    /// How many bytes it takes of the memory: those that wait, and as many again or `keptWhenSent` at most.
    var held: Int { bytes.count }

    /// Adds what is to be sent behind the rest.
    mutating func append(_ more: [UInt8]) {
        // Not copied: a picture is large.
        if bytes.isEmpty { bytes = more } else { bytes += more }
    }

    /// Gives what waits to `send` until all is sent or it takes no more.
    ///
    /// - Parameter send: how many of the bytes it has taken; 0 for none now.
    mutating func drain(_ send: (UnsafeRawBufferPointer) -> Int) {
        while sent < bytes.count {
            let taken = bytes.withUnsafeBytes { send(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard taken > 0 else { break }
            sent += taken
        }
        if sent == bytes.count {
            (bytes, sent) = ([], 0)
        } else if sent >= max(Self.keptWhenSent, bytes.count / 2) {
            // A watcher that keeps up, but never quite, would otherwise have everything that it was ever sent kept.
            bytes.removeFirst(sent)
            sent = 0
        }
    }
}

import Glibc

/// `recv` on a descriptor that the test keeps open.
func receive(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
    buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
}

/// Ends both directions, so that whoever reads sees the end.
func hangUp(_ descriptor: Int32) { shutdown(descriptor, Int32(SHUT_RDWR)) }

internal import Glibc

/// Looks host names up, as the C library does it (getaddrinfo(3)).
public enum Resolver {
    /// Why a name has no address.
    public struct Failure: Error, CustomStringConvertible {
        /// What, where, and how to mend it.
        public let description: String
    }

    /// The addresses of a host, or the address that is given itself. On a thread of its own, since it blocks: as long as
    /// the resolver's timeouts, mostly 10 s at most.
    ///
    /// - Throws: `Failure`.
    public static func addresses(of host: String) async throws -> [String] {
        try await withCheckedThrowingContinuation { continuation in
            Threads.run(name: "resolve") { continuation.resume(with: Result { try lookUp(host) }) }
        }
    }

    private static func lookUp(_ host: String) throws -> [String] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var first: UnsafeMutablePointer<addrinfo>?
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let result = getaddrinfo(bare, nil, &hints, &first)
        guard result == 0 else {
            throw Failure(
                description: "\(host): \(String(cString: gai_strerror(result))); check the url's host name, "
                    + "/etc/resolv.conf and the network")
        }
        defer { freeaddrinfo(first) }
        var addresses: [String] = []
        var next = first
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
                == 0
            {
                let address = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = entry.pointee.ai_next
        }
        return addresses
    }
}

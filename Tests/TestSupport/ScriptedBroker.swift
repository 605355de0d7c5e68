internal import Glibc
internal import Posix
internal import Synchronization

/// The least of a broker, for what mosquitto 2.0 never does: speak MQTT 3.1.1 only and answer CONNECT of version 5 with
/// the old CONNACK, return code 1; swallow publishes; say that another client has taken over.
public final class ScriptedBroker: Sendable {
    /// The port, on 127.0.0.1.
    public let port: UInt16
    private let listener: Int32
    private let answersPublish: Bool
    private let takesOver: Bool
    private let state: Mutex<(versions: [UInt8], publishes: Int, speaks5: Bool)>

    /// The versions of the CONNECTs so far: 5, or 4 for 3.1.1.
    public var versions: [UInt8] { state.withLock { $0.versions } }
    /// How many PUBLISH came.
    public var publishes: Int { state.withLock { $0.publishes } }

    /// Listens on a free port.
    public init(speaks5: Bool = true, answersPublish: Bool = true, takesOver: Bool = false) {
        state = Mutex(([], 0, speaks5))
        self.answersPublish = answersPublish
        self.takesOver = takesOver
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(listener, $0, size)
                _ = listen(listener, 8)
                _ = getsockname(listener, $0, &size)
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        Threads.run(name: "script-broker") { [self] in accept() }
    }

    /// From now on it takes MQTT 5, as a broker that was brought up to date does.
    public func learnVersion5() { state.withLock { $0.speaks5 = true } }

    private var speaks5: Bool { state.withLock { $0.speaks5 } }

    /// Ends the listener.
    public func close() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while case let connection = Glibc.accept(listener, nil, nil), connection >= 0 {
            Threads.run(name: "script-serve") { [self] in
                serve(connection)
                Glibc.close(connection)
            }
        }
        Glibc.close(listener)
    }

    private func serve(_ connection: Int32) {
        while let (kind, body) = packet(connection) {
            switch kind >> 4 {
            case 1:
                // Protocol name (2 + 4 bytes), then the version.
                let version = body[6]
                state.withLock { $0.versions.append(version) }
                if version == 5, !speaks5 { return answer(connection, [0x20, 2, 0, 1]) }
                answer(connection, version == 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0])
                if takesOver { return answer(connection, [0xE0, 2, 0x8E, 0]) }
            case 3:
                state.withLock { $0.publishes += 1 }
                let topic = Int(body[0]) << 8 | Int(body[1])
                if answersPublish { answer(connection, [0x40, 2, body[2 + topic], body[3 + topic]]) }
            case 8:
                // Granted with QoS 1; MQTT 5 has a length of properties before the codes.
                answer(connection, speaks5 ? [0x90, 4, body[0], body[1], 0, 1] : [0x90, 3, body[0], body[1], 1])
            case 12: answer(connection, [0xD0, 0])
            default: return
            }
        }
    }

    private func packet(_ connection: Int32) -> (UInt8, [UInt8])? {
        guard let kind = read(connection, 1)?.first else { return nil }
        var (length, shift) = (0, 0)
        while let byte = read(connection, 1)?.first {
            length |= Int(byte & 0x7F) << shift
            shift += 7
            if byte & 0x80 == 0 { break }
        }
        return read(connection, length).map { (kind, $0) }
    }

    private func read(_ connection: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        guard count > 0 else { return [] }
        return recv(connection, &bytes, count, Int32(MSG_WAITALL)) == count ? bytes : nil
    }

    private func answer(_ connection: Int32, _ bytes: [UInt8]) {
        _ = bytes.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }
}

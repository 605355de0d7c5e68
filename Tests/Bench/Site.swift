internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix
internal import Spool

/// A gateway's configuration and state directory on the measured disk.
struct Site: Sendable {
    static let gateway = "bench"
    /// A secret of the benchmark's own.
    static let key = "c2NhbmdhdGUtYmVuY2htYXJrLWtleS1vZi0zMi1ieXQ"

    let directory: String
    let socket: String
    var file: String { directory + "/scangate.toml" }
    var state: String { directory + "/state" }
    var spool: String { state + "/spool.db" }

    /// A site without devices; `uplink` is the text of `[[uplink]]`, or empty.
    init(_ bench: Bench, _ name: String, uplink: String = "") throws {
        directory = try bench.directory(name)
        socket = bench.sockets + "/\(name).sock"
        try write(uplink: uplink)
    }

    private init(copyOf site: Site, directory: String, socket: String) {
        self.directory = directory
        self.socket = socket
    }

    /// The same devices and scans in another directory.
    func copy(_ bench: Bench, _ name: String, uplink: String) throws -> Site {
        let copy = Site(
            copyOf: self, directory: try bench.directory(name), socket: bench.sockets + "/\(name).sock")
        try Tree.copy(state, to: copy.state)
        try copy.write(uplink: uplink)
        return copy
    }

    /// Writes the configuration anew; `spool` is more lines of `[spool]`.
    func write(spool: String = "", uplink: String) throws {
        let text = """
            [gateway]
            id = "\(Site.gateway)"
            state_dir = "\(state)"
            control_socket = "\(socket)"
            [spool]
            max_scans = 50_000_000
            max_bytes = "64 GiB"
            min_free = "64 MiB"
            \(spool)
            \(uplink)
            """
        try Files.replace(file, with: Array(text.utf8))
    }

    /// The text of an uplink to the reference backend by the contract tracetrack-devices.
    func devicesUplink(_ url: String) throws -> String {
        try Files.replace(directory + "/uplink.key", with: Array(Site.key.utf8))
        return """
            [[uplink]]
            name = "backend"
            url = "\(url)"
            contract = "tracetrack-devices"
            auth = { kind = "signature", key_file = "\(directory)/uplink.key" }
            """
    }

    /// The same by way of a broker that has no bounds.
    func mqttUplink(_ port: Int, ack: String) throws -> String {
        try Files.replace(directory + "/uplink.key", with: Array(Site.key.utf8))
        return """
            [[uplink]]
            name = "backend"
            url = "mqtt://127.0.0.1:\(port)"
            auth = { kind = "signature", key_file = "\(directory)/uplink.key" }
            mqtt = { ack = "\(ack)", max_messages_per_s = 10_000, max_bytes_per_s = "1 GiB" }
            """
    }

    /// The same by the contract tracetrack-web.
    func webUplink(_ url: String, accounts: Int = 1) throws -> String {
        try Files.replace(directory + "/password", with: Array("bench-password".utf8))
        let users = Site.users(accounts).map { "{ username = \"\($0)\", password_file = \"\(directory)/password\" }" }
            .joined(separator: ", ")
        return """
            [[uplink]]
            name = "backend"
            url = "\(url)"
            contract = "tracetrack-web"
            insecure_cookies = true
            requests = { per_minute = 1_000_000, per_hour = 1_000_000 }
            auth = { kind = "login", accounts = [\(users)] }
            """
    }

    /// The names of the backend's users: `bench`, `bench2` …
    static func users(_ count: Int) -> [String] { (1...count).map { $0 == 1 ? "bench" : "bench\($0)" } }

    /// Registers scanners, each with a key and a lane of its own; returns their keys as the backend takes them.
    func add(ports: [String], ack: Bool = true) async throws -> String {
        let session = try CommandSession(configurationAt: file)
        var keys = ""
        for (number, port) in ports.enumerated() {
            var options: [(key: String, value: JSONValue)] = [("port", .string(port))]
            if ack { options.append(("ack", .string("true"))) }
            let added = try await session.perform(
                ControlRequest(
                    "device add",
                    [
                        ("name", .string("scanner-\(number)")), ("lane", .string("lane-\(number)")),
                        ("options", .object(options)),
                    ]))
            var json = JSONWriter()
            json.value(added)
            keys += String(decoding: json.bytes, as: UTF8.self) + "\n"
        }
        return keys
    }

    /// A child's scan as it is stored.
    func sample() throws -> [UInt8] {
        let reader = try SpoolReader(directory: state, groups: SpoolGroups())
        defer { reader.close() }
        guard let scan = try reader.scans([Int64](1...200)).last else { throw BenchError("nothing was stored") }
        return scan.wire
    }

    /// Scans that wait, as the running daemon says it.
    func waiting() throws -> Int64 {
        let status = try ControlClient(path: socket).perform(ControlRequest("status"))
        return status?["spool"]?["waiting"]?.integer ?? -1
    }
}

/// The labels of lanes that scan bag after bag, 30 children each; no label comes twice.
struct Labels: Sendable {
    let lanes: Int
    /// Digits of a bag's number; the shipped rules want five.
    var bagDigits = 5

    /// The lane of a scan and its label as scanned; the first of a lane is a bag.
    func label(_ number: Int) -> (lane: Int, bytes: [UInt8]) {
        let (lane, place) = (number % lanes, number / lanes)
        let bag = place / 31 * lanes + lane
        // What does not fit is left out on the left.
        guard place % 31 != 0 else { return (lane, Array("SB".utf8) + digits(bag, bagDigits)) }
        return (lane, Array("LABEL NO. ".utf8) + digits(number, 7) + Array(" LOT NO. 77".utf8))
    }

    /// What is left of a label after its rule, as verdicts name it.
    static func data(_ label: [UInt8]) -> String {
        String(decoding: label.first == UInt8(ascii: "S") ? label[...] : label[10..<17], as: UTF8.self)
    }

    private func digits(_ number: Int, _ count: Int) -> [UInt8] {
        var rest = number
        var out = [UInt8](repeating: 48, count: count)
        for place in (0..<count).reversed() {
            out[place] = UInt8(48 + rest % 10)
            rest /= 10
        }
        return out
    }
}

/// A scanner's end of a pseudo-terminal, linked to a path that stays. One thread at a time.
final class Terminal: Sendable {
    private let pair: PseudoTerminal

    init(_ path: String) throws {
        pair = try PseudoTerminal()
        unlink(path)
        guard symlink(pair.path, path) == 0 else { throw SystemError("link", path) }
    }

    /// Scans a label.
    func scan(_ label: [UInt8]) throws { try pair.scanner.write(label + [13], subject: pair.path) }

    /// Waits for the answer: whether it says that the scan is stored.
    func answer() throws -> Bool {
        var ready = pollfd(fd: pair.scanner.raw, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 5000) > 0 else { throw BenchError("a scan was not answered within 5 s") }
        var byte: [UInt8] = [0]
        return try pair.scanner.read(into: &byte, subject: pair.path) == 1 && byte[0] == 6
    }

    /// Takes the answers that are there.
    func discardAnswers() throws {
        var ready = pollfd(fd: pair.scanner.raw, events: Int16(POLLIN), revents: 0)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while poll(&ready, 1, 0) > 0, ready.revents & Int16(POLLIN) != 0 {
            guard let count = try pair.scanner.read(into: &buffer, subject: pair.path), count > 0 else { return }
        }
    }
}

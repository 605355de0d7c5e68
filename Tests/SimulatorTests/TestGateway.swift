internal import Crypto
internal import JSON
internal import Model
internal import Simulator
internal import Synchronization
internal import TestSupport
internal import Wire

/// A device with its key, which signs scans as the gateway does.
struct TestDevice: Sendable {
    let gateway: String
    let name: String
    let lane: String
    var key = HMACKey(SecretBytes.random(32))
    var ed25519: Ed25519PrivateKey?
    var log = "9f2c4a1be07d6358"
    private static let boot = "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11"

    init(_ name: String = "scanner-1", gateway: String = "dock-7", lane: String = "table-1") {
        self.name = name
        self.gateway = gateway
        self.lane = lane
    }

    /// As the backend's registry holds it.
    var registered: DeviceKey {
        if let ed25519 { return DeviceKey(gateway: gateway, name: name, algorithm: .ed25519, key: ed25519.publicKey) }
        return DeviceKey(gateway: gateway, name: name, key: key.bytes)
    }

    /// One signed scan's bytes; its id is made of `seq` unless given.
    func scan(
        _ seq: Int64, _ role: ScanRole, _ data: String, parent: String = "", action: ScanAction = .scan,
        id: UUID? = nil, laneSeq: Int64? = nil, bytes: [UInt8]? = nil, change: (inout Scan) -> Void = { _ in }
    ) -> [UInt8] {
        guard let gatewayID = GatewayID(gateway), let device = DeviceID(name), let laneID = LaneID(lane),
            let kid = KeyID(registered.kid), let logID = LogID(log)
        else { return [] }
        var scan = Scan(
            id: id ?? self.id(seq), gateway: gatewayID, device: device, kid: kid, log: logID, seq: seq, lane: laneID,
            laneSeq: laneSeq ?? seq, capturedAt: Moment(uptimeNs: 5_000_000, wallMs: 1_795_000_000_000, synced: true),
            boot: Self.boot, action: action, role: role, parent: parent, symbology: .qr, aim: "]Q1",
            data: bytes ?? Array(data.utf8), algorithm: ed25519 == nil ? .hs256 : .ed25519)
        change(&scan)
        return WireScan.encode(scan) { ed25519?.sign($0) ?? key.authenticate($0) }
    }

    func id(_ seq: Int64) -> UUID {
        UUID(version7At: 1_795_000_000_000 + seq, random: (UInt64(name.utf8.reduce(0) { Int($0) + Int($1) }), 7))
    }
}

/// What sends batches.
final class TestGateway {
    let http: RawHTTP
    var headers: [(String, String)] = []
    var contentType = Batch.contentType
    private let bodies: Bodies

    convenience init(_ simulator: Simulator, name: String = "dock-7") throws {
        try self.init(port: simulator.port, name: name)
    }

    init(port: Int, name: String = "dock-7") throws {
        http = try RawHTTP(port: port)
        bodies = Bodies(name: name)
    }

    func batchID(_ number: UInt64) -> UUID { Bodies.id(number) }

    func body(_ scans: [[UInt8]], id: UUID? = nil) -> [UInt8] { bodies.body(scans, id: id) }

    /// Makes batches, each under a new id, on any thread.
    final class Bodies: Sendable {
        let name: String
        private let batches = Mutex<UInt64>(0)

        init(name: String) { self.name = name }

        static func id(_ number: UInt64) -> UUID {
            UUID(version7At: 1_795_000_000_000, random: (number, number))
        }

        func body(_ scans: [[UInt8]], id: UUID? = nil) -> [UInt8] {
            guard let gateway = GatewayID(name) else { return [] }
            let number = batches.withLock {
                $0 += 1
                return $0
            }
            let header = BatchHeader(
                batchID: id ?? Self.id(number), gateway: gateway, site: "jaipur",
                sentAt: Moment(uptimeNs: 9, wallMs: 1_795_000_000_000, synced: true),
                boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", clockErrorMs: 12,
                traceparent: Batch.traceparent(unixMs: 0, random: (1, 2, 3)))
            return Batch.encode(header, scans: scans)
        }
    }

    func post(_ body: [UInt8], _ more: [(String, String)] = []) throws -> RawHTTP.Answer {
        try http.request(
            "POST", "/api/fast_parent_scan", headers: [("Content-Type", contentType)] + headers + more, body: body)
    }

    /// Sends one batch; the results in order.
    func send(_ scans: [UInt8]...) throws -> [BatchReply.Result] {
        let answer = try post(body(scans))
        guard answer.status == 200 else { throw SetupError("status \(answer.status): \(answer.text)") }
        return try BatchReply.parse(answer.body).results
    }
}

/// Runs `body` with a simulator, a gateway and a registered device.
func withGateway(
    _ change: (inout SimulatorSettings) -> Void = { _ in },
    _ body: (Simulator, TestGateway, TestDevice) throws -> Void
) throws {
    try withSimulator(change) { simulator in
        let device = TestDevice()
        try simulator.addDeviceKey(device.registered)
        try body(simulator, try TestGateway(simulator), device)
    }
}

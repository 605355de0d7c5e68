internal import Model
internal import Simulator
internal import TestSupport
internal import Wire

/// TraceTrack's half with one gateway and one device, and what sends to it from several threads.
final class Site: Sendable {
    let backend: FlaskBackend
    let device = TestDevice()
    private let gateway: TestGateway.Bodies

    init(on cluster: PostgresCluster? = nil) throws {
        backend = try FlaskBackend(on: cluster)
        gateway = TestGateway.Bodies(name: "dock-7")
        try backend.addBearer(gateway: "dock-7", token: "t7")
        try backend.addDeviceKey(device.registered)
    }

    /// Links that no accepted scan asked for.
    static let wrongParents = """
        SELECT count(*) FROM link JOIN bag AS c ON c.id = child_bag_id JOIN bag AS p ON p.id = parent_bag_id
            WHERE NOT EXISTS (SELECT FROM device_scan WHERE convert_from(label, 'UTF8') = c.qr_id AND parent = p.qr_id)
        """

    /// A bag and its children, signed.
    func scans(_ bag: String, children: Int) -> [[UInt8]] {
        [device.scan(1, .parent, bag)]
            + (0..<children).map { device.scan(Int64(2 + $0), .child, "CHILD\($0)", parent: bag) }
    }

    /// A batch of these scans under a new id.
    func body(_ scans: some Sequence<[UInt8]>) -> [UInt8] { gateway.body(Array(scans)) }

    /// A batch of a bag and its children.
    func bag(_ bag: String, children: Int) -> [UInt8] { body(scans(bag, children: children)) }

    func id(of body: [UInt8]) throws -> UUID { try ReceivedBatch.decode(body).batchID }

    /// Posts one batch on a connection of its own.
    func post(_ body: [UInt8], _ id: UUID? = nil) throws -> RawHTTP.Answer {
        try RawHTTP(port: backend.port).request(
            "POST", "/api/fast_parent_scan",
            headers: [
                ("Content-Type", Batch.contentType), ("Authorization", "Bearer t7"),
                ("Idempotency-Key", "\"\(try id ?? self.id(of: body))\""),
            ], body: body)
    }

    /// What became of the scans of one batch.
    func results(_ body: [UInt8], _ id: UUID) throws -> [BatchReply.Result] {
        try BatchReply.parse(post(body, id).body).results
    }

    /// What became of a batch that meets somebody's transaction, which commits once the batch waits for it.
    func results(of body: [UInt8], meeting work: String) async throws -> [BatchReply.Result] {
        let id = try id(of: body)
        return try await backend.withUncommitted(work) { commit in
            async let answers = postAtOnce([(body, id)])
            try await eventually("the batch waits") { try backend.waitingForOthers() > 0 }
            commit()
            return try await answers.flatMap { try BatchReply.parse($0.body).results }
        }
    }

    /// Posts batches side by side, each on a thread and a connection of its own; the answers in their order.
    func postAtOnce(_ batches: [(body: [UInt8], id: UUID)]) async throws -> [RawHTTP.Answer] {
        try await withThrowingTaskGroup(of: (Int, RawHTTP.Answer).self) { group in
            for (place, batch) in batches.enumerated() {
                group.addTask { (place, try await offPool { try self.post(batch.body, batch.id) }) }
            }
            return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

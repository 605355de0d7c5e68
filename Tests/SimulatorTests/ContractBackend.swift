internal import Crypto
internal import Model
internal import Simulator
internal import TestSupport
internal import Wire

/// What speaks the contract `tracetrack-devices`: the same tests run on each.
enum Backend: String, CaseIterable, Sendable {
    /// `tracetrack-sim`.
    case simulator
    /// `docs/tracetrack` on gunicorn and PostgreSQL.
    case flask
}

/// What a test does to a backend past its HTTP port, as the backend's own admin would.
protocol ContractBackend {
    var port: Int { get }
    func addDeviceKey(_ key: DeviceKey) throws
    func setDeviceKey(kid: String, _ state: Simulator.KeyState) throws
    func addGatewayKey(gateway: String, key: [UInt8]) throws -> String
    func addBearer(gateway: String, token: String) throws
    /// Each link as `child in parent`, sorted.
    func linkTexts() throws -> [String]
    /// The scans that were accepted from devices.
    func acceptedScans() throws -> Int
    /// Makes what is stored older.
    func letPass(_ duration: Duration) throws
}

extension Simulator: ContractBackend {
    func linkTexts() throws -> [String] { try links().map { "\($0.child) in \($0.parent)" }.sorted() }
    func acceptedScans() throws -> Int { Int(try count("scan_rows")) }
    func letPass(_ duration: Duration) throws { try moveClock(by: duration) }
}

extension FlaskBackend: ContractBackend {
    func addDeviceKey(_ key: DeviceKey) throws {
        _ = try sql(
            """
            \(addGateway(key.gateway))
            INSERT INTO device_key (kid, gateway, dev, alg, key) VALUES ('\(key.kid)', '\(key.gateway)', '\(key.name)',
                '\(key.algorithm.rawValue)', '\\x\(Hex.encode(key.key))');
            """)
    }

    func setDeviceKey(kid: String, _ state: Simulator.KeyState) throws {
        let change =
            switch state {
            case .active: "disabled_at = NULL, revoked_at = NULL"
            case .disabled: "disabled_at = now()"
            case .revoked: "revoked_at = now()"
            }
        _ = try sql("UPDATE device_key SET \(change) WHERE kid = '\(kid)'")
    }

    func addGatewayKey(gateway: String, key: [UInt8]) throws -> String {
        let keyID = "\(gateway):\(DeviceKey.id(of: key))"
        _ = try sql(
            """
            \(addGateway(gateway))
            INSERT INTO device_gateway_key (keyid, gateway, secret)
                VALUES ('\(keyID)', '\(gateway)', '\\x\(Hex.encode(key))');
            """)
        return keyID
    }

    func addBearer(gateway: String, token: String) throws {
        _ = try sql(
            """
            \(addGateway(gateway))
            INSERT INTO device_gateway_key (keyid, gateway, token_sha256)
                VALUES ('\(gateway):\(token)', '\(gateway)', '\\x\(Hex.encode(SHA256.digest(Array(token.utf8))))');
            """)
    }

    func linkTexts() throws -> [String] {
        try sql(
            """
            SELECT translate(c.qr_id, E'\\n', ' ') || ' in ' || p.qr_id FROM link JOIN bag AS c ON c.id = child_bag_id
                JOIN bag AS p ON p.id = parent_bag_id
            """
        ).split(separator: "\n").map(String.init).sorted()
    }

    func acceptedScans() throws -> Int { try number("SELECT count(*) FROM device_scan") }

    func letPass(_ duration: Duration) throws {
        _ = try sql(
            "UPDATE device_batch SET received_at = received_at - interval '\(duration.components.seconds) seconds'")
    }

    private func addGateway(_ gateway: String) -> String {
        "INSERT INTO device_gateway (gateway, user_id) VALUES ('\(gateway)', 1) ON CONFLICT DO NOTHING;"
    }
}

/// Runs `body` with a backend, a gateway that shows its bearer token, and a registered device.
func withBackend(_ kind: Backend, _ body: (any ContractBackend, TestGateway, TestDevice) throws -> Void) throws {
    try withBackend(kind, .bearer) { backend in
        let device = TestDevice()
        try backend.addBearer(gateway: "dock-7", token: "t7")
        try backend.addDeviceKey(device.registered)
        let gateway = try TestGateway(port: backend.port)
        gateway.headers = [("Authorization", "Bearer t7")]
        try body(backend, gateway, device)
    }
}

/// Runs `body` with a backend that knows nobody yet.
func withBackend(
    _ kind: Backend, _ authentication: SimulatorSettings.DeviceAuthentication,
    _ body: (any ContractBackend) throws -> Void
) throws {
    switch kind {
    case .simulator: try withSimulator({ $0.authentication = authentication }) { try body($0) }
    // It takes both, whatever a gateway chooses.
    case .flask: try body(FlaskBackend())
    }
}

import Crypto
import HTTPClient
import MQTTClient
import Model
import Posix
import Simulator
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// tracetrack-devices over MQTT from a spool in memory: a real broker, the application's side, the reference backend,
/// real time.
final class MQTTBench: Sendable {
    static let gatewayKey = [UInt8](100..<132)

    let log = FakeScanLog()
    let simulator: Simulator
    let delivery: any Delivery
    let keyFile: String
    private let client = HTTPClient()
    private let told = Events()

    private final class Events: Sendable {
        private let all = Mutex<[UplinkEvent]>([])
        var list: [UplinkEvent] { all.withLock { $0 } }
        func add(_ event: UplinkEvent) { all.withLock { $0.append(event) } }
    }

    init(
        _ directory: String, port: Int, scheme: String = "mqtt", _ change: (inout UplinkSettings) -> Void = { _ in },
        status: (@Sendable () async -> GatewayStatus?)? = nil
    ) throws {
        var wants = SimulatorSettings()
        wants.childrenPerParent = 1000
        simulator = try Simulator(wants)
        try simulator.addDeviceKey(DeviceKey(gateway: "dock-7", name: "scanner-3", key: deviceKey.bytes))
        keyFile = directory + "/gateway.key"
        try write(Array("\(Base64URL.encode(Self.gatewayKey))\n".utf8), to: keyFile)
        var settings = UplinkSettings(
            name: "tracetrack", urls: ["\(scheme)://127.0.0.1:\(port)"], backend: "prod",
            authentication: .signature(keyFile: keyFile))
        settings.contract = .devices
        settings.batching.maxScans = 10
        settings.timeout = .seconds(2)
        settings.mqtt.maxMessagesPerSecond = 1000
        settings.mqtt.maxBytesPerSecond = 100 << 20
        change(&settings)
        guard let gateway = GatewayID("dock-7") else { fatalError("no name") }
        let told = told
        var context = DeliveryContext(
            gateway: gateway, site: "jaipur", log: log, client: client, time: .system,
            random: { UInt64.random(in: 0 ... .max) }, observer: { _, event in told.add(event) })
        context.gatewayStatus = status
        guard let delivery = try buildDeliveries([UplinkGroup(settings)], context: context).first else {
            fatalError("no delivery")
        }
        self.delivery = delivery
    }

    /// The states that the uplink told, in order.
    var states: [(state: UplinkState, text: String)] {
        told.list.compactMap {
            if case .stateChanged(let state, let text) = $0 { (state, text) } else { nil }
        }
    }

    func run(_ body: () async throws -> Void) async throws {
        let running = Task { await delivery.run() }
        var failure: (any Error)?
        do { try await body() } catch { failure = error }
        await delivery.stop()
        await running.value
        client.close()
        simulator.stop()
        if let failure { throw failure }
    }

    /// A bag with children in each of so many lanes.
    func fill(lanes: Int, children: Int) {
        for table in 1...lanes {
            let parent = "SB\(10_000 + table)"
            let first = table * 1000
            log.add(
                [parentScan(first, parent, lane: "table-\(table)")]
                    + (1...children).map {
                        stored(first + $0, lane: "table-\(table)", parent: parent, data: "CHILD\(first + $0)")
                    }, to: lane("table-\(table)"))
        }
        delivery.scansArrived(in: (1...lanes).map { lane("table-\($0)") })
    }

    /// Every scan was accepted by the backend, once, in its lane's order.
    func expectComplete(_ count: Int, _ location: SourceLocation = #_sourceLocation) throws {
        let acceptances = try simulator.acceptances()
        #expect(acceptances.count == count, sourceLocation: location)
        #expect(acceptances.values.allSatisfy { $0 == 1 }, sourceLocation: location)
        #expect(log.settled.count == count, sourceLocation: location)
        #expect(log.settled.values.allSatisfy { $0 == .done }, sourceLocation: location)
        #expect(try simulator.count("order_broken") == 0, sourceLocation: location)
    }
}

/// A bench with its application's side, stopped afterwards.
func withBench(
    _ bench: MQTTBench, _ broker: MQTTSettings,
    plan: @escaping @Sendable (Int) -> ApplicationSide.Plan = { _ in .answer },
    _ body: (ApplicationSide) async throws -> Void
) async throws {
    let application = try await ApplicationSide(
        broker, backend: bench.simulator.url, gatewayKey: MQTTBench.gatewayKey, plan: plan)
    do { try await bench.run { try await body(application) } } catch {
        await application.stop()
        throw error
    }
    await application.stop()
}

extension MosquittoBroker {
    func settings(_ id: String, tls: MQTTSettings.TLS? = nil) -> MQTTSettings {
        MQTTSettings(host: "127.0.0.1", port: UInt16(port), tls: tls, clientID: id)
    }
}

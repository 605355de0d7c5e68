import MQTTClient
import Synchronization
import TestSupport

/// What a client told: its messages and events.
final class Told: Sendable {
    private let state = Mutex<(messages: [MQTTMessage], events: [MQTTEvent])>(([], []))
    private let moments = Mutex<[ContinuousClock.Instant]>([])

    /// When each event came.
    var times: [ContinuousClock.Instant] { moments.withLock { $0 } }

    var messages: [MQTTMessage] { state.withLock { $0.messages } }
    var events: [MQTTEvent] { state.withLock { $0.events } }
    var failures: [MQTTFailure] {
        events.compactMap { if case .disconnected(let failure) = $0 { failure } else { nil } }
    }
    var sessions: [MQTTEvent.Session] {
        events.compactMap { if case .connected(let session) = $0 { session } else { nil } }
    }

    func client(_ settings: MQTTSettings) throws -> MQTTClient {
        try MQTTClient(
            settings, onMessage: { message in self.state.withLock { $0.messages.append(message) } },
            onEvent: { event in
                self.moments.withLock { $0.append(.now) }
                self.state.withLock { $0.events.append(event) }
            })
    }
}

extension ScriptedBroker {
    func settings(_ id: String) -> MQTTSettings {
        MQTTSettings(host: "127.0.0.1", port: port, tls: nil, clientID: id)
    }
}

extension MosquittoBroker {
    /// A client of this broker, by its address.
    func settings(_ id: String, tls: MQTTSettings.TLS? = nil) -> MQTTSettings {
        MQTTSettings(host: "127.0.0.1", port: UInt16(port), tls: tls, clientID: id)
    }
}

/// Runs `body` with a connected client, which is closed afterwards.
func withClient<T>(
    _ settings: MQTTSettings, filters: [String] = [], isolation: isolated (any Actor)? = #isolation,
    _ body: (MQTTClient, Told) async throws -> T
) async throws -> T {
    let told = Told()
    let client = try told.client(settings)
    for filter in filters { await client.subscribe(filter) }
    await client.connect()
    do {
        let result = try await body(client, told)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

import MQTTClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct `An MQTT client over TLS` {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var certificate = "server"
        var authority: String? = "ca.pem"
        var says: String
        var testDescription: String { name }
    }

    @Test func `brings messages through`() async throws {
        try await withTLS { directory, options in
            let broker = try await MosquittoBroker(in: directory, options)
            try await withClient(broker.settings("x", tls: .init(caFile: "\(directory)/ca.pem")), filters: ["t"]) {
                client, told in
                #expect(await client.connected(within: .seconds(60)) == nil)
                let payload = [UInt8](repeating: 3, count: 100_000)
                #expect(await client.publish(MQTTMessage("t", payload)) == .acknowledged(.success))
                try await eventually("it has arrived") { told.messages.first?.payload == payload }
            }
        }
    }

    // Another bit each, in the record's head or in what is encrypted.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func `takes damage on the way for the network's, and is back soon`(_ seed: UInt64) async throws {
        try await withTLS { directory, options in
            let broker = try await MosquittoBroker(in: directory, options)
            let proxy = try CrookedProxy(to: broker.port, seed: seed)
            defer { proxy.close() }
            let settings = MQTTSettings(
                host: "127.0.0.1", port: UInt16(proxy.port), tls: .init(caFile: "\(directory)/ca.pem"), clientID: "x")
            try await withClient(settings) { client, told in
                #expect(await client.connected(within: .seconds(60)) == nil)
                proxy.behave(.corruptAnswer)
                // Many answers: one whose length was turned waits for more of them.
                let publishing = (1...50).map { _ in Task { await client.publish(MQTTMessage("t", [1])) } }
                try await eventually("the connection breaks") { !told.failures.isEmpty }
                proxy.behave(.none)
                #expect(told.failures.map(\.kind) == [.network], "\(told.failures)")
                #expect(await client.connected(within: .seconds(100)) == nil)
                for task in publishing { task.cancel() }
            }
        }
    }

    @Test(arguments: [
        Case(
            name: "wrong authority", authority: "stranger.pem",
            says: "the broker's certificate is not signed by DIR/stranger.pem; set tls.ca_file"),
        Case(name: "the system's authorities", authority: nil, says: "is not signed by the system's authorities"),
        Case(name: "expired", certificate: "expired", says: "the broker's certificate has expired; renew it"),
        Case(
            name: "another host", certificate: "elsewhere",
            says: "the broker's certificate is for another host name than 127.0.0.1"),
        Case(name: "no such file", authority: "none.pem", says: "cannot read DIR/none.pem: No such file"),
        Case(name: "not PEM", authority: "server.ext", says: "DIR/server.ext holds no certificates"),
    ])
    func `says in one line what is wrong with`(_ one: Case) async throws {
        try await withTLS { directory, options in
            var options = options
            options.certificate = one.certificate
            let broker = try await MosquittoBroker(in: directory, options)
            let tls = MQTTSettings.TLS(caFile: one.authority.map { "\(directory)/\($0)" })
            try await withClient(broker.settings("x", tls: tls)) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(10)))
                #expect(failure.kind == .tls)
                let says = one.says.split(separator: "DIR", omittingEmptySubsequences: false).joined(
                    separator: directory)
                #expect(failure.description.contains(says), "\(failure)")
            }
        }
    }

    @Test func `is known by its certificate, and told when the broker does not like it`() async throws {
        try await withTLS { directory, options in
            var options = options
            options.wantsClientCertificate = true
            options.rules = ["pattern readwrite of/%u/#"]
            let broker = try await MosquittoBroker(in: directory, options)
            let (authority, file) = ("\(directory)/ca.pem", "\(directory)/client")
            let good = MQTTSettings.TLS(caFile: authority, certFile: "\(file).pem", keyFile: "\(file).key")
            try await withClient(broker.settings("x", tls: good)) { client, _ in
                #expect(await client.connected(within: .seconds(60)) == nil)
                #expect(await client.publish(MQTTMessage("of/client/x", [])) == .acknowledged(.noSubscribers))
                #expect(await client.publish(MQTTMessage("of/server/x", [])) == .refused(.notAuthorised))
            }
            try await withClient(broker.settings("y", tls: .init(caFile: authority))) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(10)))
                // The broker's alert may be overtaken by the end of the connection.
                let says = failure.kind == .tls ? "does not accept our certificate (none given)" : "tls.cert_file"
                #expect(failure.description.contains(says), "\(failure)")
            }
            let stranger = MQTTSettings.TLS(
                caFile: authority, certFile: "\(directory)/stranger.pem", keyFile: "\(directory)/stranger.key")
            try await withClient(broker.settings("z", tls: stranger)) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(10)))
                let says = failure.kind == .tls ? "does not accept our certificate" : "takes the client certificate"
                #expect(failure.description.contains("\(says) \(directory)/stranger.pem"), "\(failure)")
            }
            let mixed = MQTTSettings.TLS(caFile: authority, certFile: "\(file).pem", keyFile: "\(directory)/server.key")
            try await withClient(broker.settings("m", tls: mixed)) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(10)))
                #expect(failure.description.contains("PEM pair that belongs together"), "\(failure)")
            }
        }
    }

    @Test func `says who is refused with a wrong password`() async throws {
        try await withTLS { directory, options in
            var options = options
            options.users = ["dock7": "secret"]
            let broker = try await MosquittoBroker(in: directory, options)
            var settings = broker.settings("x", tls: .init(caFile: "\(directory)/ca.pem"))
            (settings.username, settings.password) = ("dock7", "wrong")
            try await withClient(settings) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(10)))
                #expect(failure.kind == .notAuthorised || failure.kind == .badCredentials)
                #expect(failure.description.contains("the user dock7"))
                #expect(failure.description.contains("password"))
                #expect(!failure.description.contains("wrong"))
            }
            settings.password = "secret"
            try await withClient(settings) { client, _ in #expect(await client.connected(within: .seconds(60)) == nil) }
        }
    }

    @Test func `is back soon when a captive portal that answered in the broker's place is gone`() async throws {
        try await withTLS { directory, options in
            let broker = try await MosquittoBroker(in: directory, options)
            let proxy = try CrookedProxy(to: broker.port, seed: 1)
            defer { proxy.close() }
            proxy.behave(.portalPage)
            let settings = MQTTSettings(
                host: "127.0.0.1", port: UInt16(proxy.port), tls: .init(caFile: "\(directory)/ca.pem"), clientID: "x")
            try await withClient(settings) { client, told in
                try await eventually("the portal answers") { !told.failures.isEmpty }
                proxy.behave(.none)
                // Nobody asks for a connection: a relay waits for gateways' batches.
                try await eventually("connected") { await client.lastFailure == nil }
                #expect(told.failures.first?.description.contains("captive portal") == true, "\(told.failures)")
            }
        }
    }

    @Test func `says so when the port does not speak TLS, or speaks it unasked`() async throws {
        try await withTLS { directory, options in
            let plain = try await MosquittoBroker(in: directory)
            try await withClient(plain.settings("x", tls: .init(caFile: "\(directory)/ca.pem"))) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(20)))
                #expect(failure.description.contains("8883"), "\(failure)")
            }
            let broker = try await MosquittoBroker(in: directory, options)
            try await withClient(broker.settings("x")) { client, _ in
                let failure = try #require(await client.connected(within: .seconds(20)))
                #expect(failure.description.contains("mqtts://"), "\(failure)")
            }
        }
    }
}

/// A directory with certificates, and options for a broker that uses them.
private func withTLS(_ body: (String, MosquittoBroker.Options) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        try await offPool { try makeCertificates(directory) }
        var options = MosquittoBroker.Options()
        options.certificate = "server"
        try await body(directory, options)
    }
}

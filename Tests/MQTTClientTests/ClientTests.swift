import Glibc
import MQTTClient
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5)))
struct `An MQTT client` {
    @Test func `brings a message with all its properties to a subscriber and returns at PUBACK`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            try await withClient(broker.settings("receiver"), filters: ["scan/v1/+/batch"]) { receiver, told in
                #expect(await receiver.connected(within: .seconds(60)) == nil)
                try await withClient(broker.settings("sender")) { sender, _ in
                    #expect(await sender.connected(within: .seconds(60)) == nil)
                    let message = MQTTMessage(
                        "scan/v1/dock-7/batch", [0, 1, 255], contentType: "application/x", correlationData: [1, 0, 2],
                        responseTopic: "scan/v1/dock-7/ack",
                        userProperties: [.init("mac", "abc"), .init("traceparent", "00-1")])
                    #expect(await sender.publish(message) == .acknowledged(.success))
                    try await eventually("the message has arrived") { told.messages == [message] }
                    #expect(await sender.publish(MQTTMessage("nobody", [])) == .acknowledged(.noSubscribers))
                }
            }
        }
    }

    @Test func `has many publishes out at once, each with its own PUBACK`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            try await withClient(broker.settings("receiver"), filters: ["#"]) { receiver, told in
                #expect(await receiver.connected(within: .seconds(60)) == nil)
                try await withClient(broker.settings("sender")) { sender, _ in
                    #expect(await sender.connected(within: .seconds(60)) == nil)
                    let payload = [UInt8](repeating: 7, count: 20_000)
                    let count = await withTaskGroup(of: Bool.self) { group in
                        for number in 0..<300 {
                            group.addTask {
                                await sender.publish(MQTTMessage("t/\(number)", payload)) == .acknowledged(.success)
                            }
                        }
                        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
                    }
                    #expect(count == 300)
                    try await eventually("all have arrived") { told.messages.count == 300 }
                }
            }
        }
    }

    @Test func `reports publishes under way as lost when the broker is killed, and connects again`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            try await withClient(broker.settings("sender"), filters: ["down"]) { client, told in
                #expect(await client.connected(within: .seconds(60)) == nil)
                broker.stop()
                let outcome = await client.publish(MQTTMessage("t", []))
                switch outcome {
                case .lost(let failure), .notConnected(let failure?): #expect(failure.kind == .network)
                default: Issue.record("\(outcome)")
                }
                try await broker.start()
                try await eventually("connected again") { told.sessions.count == 2 }
                // Subscribed again, too.
                #expect(await client.publish(MQTTMessage("down", [1])) == .acknowledged(.success))
                try await eventually("the message has arrived") { told.messages.count == 1 }
            }
        }
    }

    @Test func `does not send what is larger than the broker takes`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.maxPacketBytes = 2000
            let broker = try await MosquittoBroker(in: directory, options)
            try await withClient(broker.settings("sender")) { client, told in
                #expect(await client.connected(within: .seconds(60)) == nil)
                #expect(told.sessions.first?.maximumPacketBytes == 2000)
                #expect(await client.publish(MQTTMessage("t", [UInt8](repeating: 0, count: 2000))) == .tooLarge)
                #expect(await client.publish(MQTTMessage("a/#", [])).isInvalid)
                #expect(await client.publish(MQTTMessage("t", [1])) == .acknowledged(.noSubscribers))
            }
        }
    }

    @Test func `tells the reason of a refused publish`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.rules = ["topic write allowed"]
            let broker = try await MosquittoBroker(in: directory, options)
            try await withClient(broker.settings("sender")) { client, _ in
                #expect(await client.connected(within: .seconds(60)) == nil)
                #expect(await client.publish(MQTTMessage("forbidden", [])) == .refused(.notAuthorised))
                #expect(await client.publish(MQTTMessage("allowed", [])) == .acknowledged(.noSubscribers))
            }
        }
    }

    @Test func `takes a refused subscription for a refused connection`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            // mosquitto checks subscriptions by a plugin only; without one it refuses a filter that is none.
            options.rules = ["topic write allowed"]
            let broker = try await MosquittoBroker(in: directory, options)
            try await withClient(broker.settings("x"), filters: ["a/#/b"]) { client, _ in
                let failure = await client.connected(within: .seconds(10))
                #expect(failure?.kind == .misconfigured)
                #expect(failure?.description.contains("cannot subscribe a/#/b") == true)
            }
        }
    }

    @Test func `waits five minutes after another client has taken its place`() async throws {
        let server = ScriptedBroker(takesOver: true)
        defer { server.close() }
        try await withClient(server.settings("dock-7")) { client, told in
            try await eventually("taken over") { !told.failures.isEmpty }
            let failure = try #require(told.failures.first)
            #expect(told.sessions.count == 1)
            #expect(failure.kind == .takenOver, "\(failure)")
            #expect(failure.reason == .takenOver)
            #expect(failure.description.contains("another client uses the id dock-7"))
            #expect(await client.connected(within: .seconds(10)) == failure)
            #expect(await client.publish(MQTTMessage("t", [])) == .notConnected(failure))
            #expect(server.versions == [5])
        }
    }

    @Test func `slows down and says why when a silent broker gives its place to another client again and again`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            try await withClient(broker.settings("dock-7")) { _, told in
                try await withClient(broker.settings("dock-7")) { _, other in
                    let start = ContinuousClock.now
                    try await eventually("suspected", within: .seconds(60)) {
                        (told.failures + other.failures).contains {
                            $0.description.contains("another client uses the id dock-7")
                        }
                    }
                    // Three a side at least, each a second or more after the one before.
                    #expect(ContinuousClock.now - start > .seconds(2))
                }
            }
        }
    }

    @Test func `falls back to 3.1.1 where the broker refuses MQTT 5`() async throws {
        let server = ScriptedBroker(speaks5: false)
        defer { server.close() }
        try await withClient(server.settings("x")) { client, told in
            try await eventually("connected") { told.sessions.first?.isVersion5 == false }
            #expect(server.versions == [5, 4])
            #expect(await client.publish(MQTTMessage("t", [1], contentType: "x")) == .acknowledged(.success))
        }
    }

    @Test func `a wait for a connection ends in time while a name server holds the client's thread`() async throws {
        let server = ScriptedBroker()
        defer { server.close() }
        let client = try MQTTClient(server.settings("x"))
        let held = Held()
        let holding = Task { await client.hold(held) }
        try await eventually("held") { held.hasBegun.load(ordering: .acquiring) }
        #expect(await client.connected(within: .milliseconds(50)) != nil)
        let isOver = held.isOver.load(ordering: .acquiring)
        #expect(!isOver)
        held.mayEnd.store(true, ordering: .releasing)
        await holding.value
        await client.close()
    }

    @Test func `once closed it says so to whoever asks`() async throws {
        let server = ScriptedBroker()
        defer { server.close() }
        let client = try MQTTClient(server.settings("x"))
        await client.connect()
        #expect(await client.connected(within: .seconds(60)) == nil)
        await client.close()
        let failure = await client.connected(within: .seconds(1))
        #expect(failure?.kind == .closed)
        #expect(await client.publish(MQTTMessage("t", [1])) == .notConnected(failure))
        await client.close()
    }

    @Test func `asks for MQTT 5 again where the broker has refused it before`() async throws {
        let server = ScriptedBroker(speaks5: false)
        defer { server.close() }
        try await withClient(server.settings("x")) { client, told in
            try await eventually("connected") { told.sessions.count == 1 }
            server.learnVersion5()
            await client.askForVersion5()
            try await eventually("again") { told.sessions.count == 2 }
            #expect(told.sessions.map(\.isVersion5) == [false, true])
            // With MQTT 5 there is nothing to ask for.
            await client.askForVersion5()
            #expect(await client.connected(within: .seconds(1)) == nil)
            #expect(server.versions == [5, 4, 5])
        }
    }

    @Test func `makes a new connection when publishes without PUBACK leave no room for others`() async throws {
        let server = ScriptedBroker(answersPublish: false)
        defer { server.close() }
        var settings = server.settings("x")
        settings.sendMaximum = 3
        try await withClient(settings) { client, told in
            #expect(await client.connected(within: .seconds(60)) == nil)
            for number in 1...3 {
                let task = Task { await client.publish(MQTTMessage("t", [1])) }
                try await eventually("published") { server.publishes == number }
                task.cancel()
                #expect(await task.value == .cancelled)
            }
            try await eventually("a new connection") {
                let task = Task { await client.publish(MQTTMessage("t", [1])) }
                task.cancel()
                _ = await task.value
                return told.sessions.count == 2
            }
            // Of the two that are told of it, either may come first.
            try await eventually("the reason") {
                told.failures.contains { $0.description.contains("acknowledged none of the last ") }
            }
        }
    }

    @Test func `ends a wait for PUBACK when its task is cancelled`() async throws {
        let server = ScriptedBroker(answersPublish: false)
        defer { server.close() }
        try await withClient(server.settings("x")) { client, _ in
            #expect(await client.connected(within: .seconds(60)) == nil)
            let task = Task { await client.publish(MQTTMessage("t", [1])) }
            try await eventually("published") { server.publishes == 1 }
            task.cancel()
            #expect(await task.value == .cancelled)
        }
    }

    @Test func `closes in good order, so that the last will is not published`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            try await withClient(broker.settings("watcher"), filters: ["status"]) { watcher, told in
                #expect(await watcher.connected(within: .seconds(60)) == nil)
                var settings = broker.settings("x")
                settings.will = MQTTMessage("status", [9], isRetained: true)
                try await withClient(settings) { client, _ in
                    #expect(await client.connected(within: .seconds(60)) == nil)
                }
                try await eventually("gone") { try broker.log().contains("Client x disconnected.") }
                #expect(told.messages.isEmpty)
            }
        }
    }

    @Test func `asks a broker that cannot be reached again after a second or more`() async throws {
        let refusing = try RefusingPort()
        let port = refusing.number
        let settings = MQTTSettings(host: "127.0.0.1", port: UInt16(port), tls: nil, clientID: "x")
        try await withClient(settings) { client, told in
            let failure = await client.connected(within: .seconds(10))
            #expect(failure?.kind == .network)
            #expect(failure?.description.contains("127.0.0.1:\(port): Connection refused") == true)
            try await eventually("the second attempt") { told.failures.count >= 2 }
            #expect(told.times[1] - told.times[0] >= .seconds(1))
        }
        withExtendedLifetime(refusing) {}
    }
}

/// What holds a client's thread, as getaddrinfo does; for 15 s at most.
private final class Held: Sendable {
    let hasBegun = Atomic(false)
    let mayEnd = Atomic(false)
    let isOver = Atomic(false)
}

extension MQTTClient {
    fileprivate func hold(_ held: Held) {
        held.hasBegun.store(true, ordering: .releasing)
        for _ in 0..<3000 where !held.mayEnd.load(ordering: .acquiring) { usleep(5000) }
        held.isOver.store(true, ordering: .releasing)
    }
}

extension PublishOutcome {
    var isInvalid: Bool { if case .invalid = self { true } else { false } }
}

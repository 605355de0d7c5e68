import Gateway
import Model
import Testing
import Uplinks

@Suite struct `The configuration of an uplink over MQTT` {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    private func uplink(_ lines: String, auth: String? = nil) throws -> String {
        let key = try fixture.write("gateway.key", String(repeating: "ab", count: 32) + "\n")
        let password = try fixture.write("password", "secret\n")
        let text = "[[uplink]]\n" + (auth ?? "auth = { kind = \"signature\", key_file = \"KEY\" }") + "\n" + lines
        return text.replacing("KEY", with: key).replacing("PASSWORD", with: password)
    }

    @Test func `a url and a key are enough, and the contract is that of signed batches`() throws {
        let configuration = try fixture.load(try uplink("url = \"mqtts://broker.example\""))
        let made = try #require(configuration.uplinks.first)
        #expect(made.contract == .devices && made.isMQTT && made.mqtt == UplinkSettings.MQTT())
        #expect(configuration.warnings.isEmpty && configuration.notes.isEmpty)
    }

    @Test func `every key is taken over`() throws {
        let configuration = try fixture.load(
            try uplink(
                """
                url = "mqtts://broker.example:443"
                mqtt = { topic_prefix = "a/b", ack_auth = "broker-acl", client_id = "x", keep_alive = "2 min", \
                alpn = "x-amzn-mqtt-ca", protocol = "3.1.1", max_messages_per_s = 20, max_bytes_per_s = "1 MiB" }
                """,
                auth: "auth = { kind = \"password\", username = \"dock\", password_file = \"PASSWORD\" }"))
        let made = try #require(configuration.uplinks.first?.mqtt)
        #expect(made.topicPrefix == "a/b" && made.ack == .application && made.ackProof == .brokerRules)
        #expect(made.clientID == "x" && made.keepAlive == .seconds(120) && made.alpn == "x-amzn-mqtt-ca")
        #expect(made.version == "3.1.1" && made.maxMessagesPerSecond == 20 && made.maxBytesPerSecond == 1 << 20)
        #expect(
            configuration.uplinks.first?.authentication
                == .password(username: "dock", passwordFile: fixture.directory + "/password"))
    }

    @Test func `plain MQTT to another machine and the broker's word instead of the backend's are warned of`() throws {
        let configuration = try fixture.load(try uplink("url = \"mqtt://broker.example\"\nmqtt = { ack = \"broker\" }"))
        #expect(configuration.warnings.map(\.key) == ["uplink[1].url", "uplink[1].mqtt.ack"])
    }

    @Test(arguments: [
        (
            "url = \"mqtts://a\"\ncontract = \"tracetrack-web\"", nil,
            "4: uplink[1].contract: \"tracetrack-web\" is not for"
        ),
        ("url = [\"mqtts://a\", \"https://b\"]", nil, "3: uplink[1].url: MQTT and HTTPS in one list"),
        (
            "url = \"mqtts://a\"", "auth = { kind = \"bearer\", token_file = \"KEY\" }",
            "\"bearer\" does not go with an mqtts"
        ),
        (
            "url = \"https://a\"\ncontract = \"tracetrack-devices\"",
            "auth = { kind = \"password\", username = \"u\", password_file = \"PASSWORD\" }",
            "2: uplink[1].auth.kind: \"password\" is for an mqtts:// url"
        ),
        (
            "url = \"mqtts://a\"", "auth = { kind = \"password\", username = \"u\", password_file = \"PASSWORD\" }",
            "2: uplink[1].auth.ack_key_file: missing: nothing proves that an ack is the backend's; write the path of the"
        ),
        (
            "url = \"mqtts://a\"",
            "auth = { kind = \"password\", password_file = \"PASSWORD\", ack_key_file = \"KEY\" }",
            "2: uplink[1].auth.username: missing"
        ),
        (
            "url = \"mqtts://a\"\nmqtt = { protocol = \"3.1.1\" }", nil,
            "4: uplink[1].mqtt.protocol: MQTT 3.1.1 has no room"
        ),
        ("url = \"mqtts://a\"\nmqtt = { topic_prefix = \"a/#\" }", nil, "topic_prefix: \"a/#\" cannot begin a topic"),
        ("url = \"mqtts://a\"\nmqtt = { topic_prefix = \"/a\" }", nil, "topic_prefix: \"/a\" cannot begin a topic"),
        ("url = \"mqtts://a\"\nmqtt = { client_id = \"$a\" }", nil, "client_id: \"$a\" cannot be used"),
        ("url = \"mqtts://a\"\nmqtt = { keep_alive = \"5 s\" }", nil, "keep_alive: too small"),
    ])
    func `what cannot work is a mistake`(_ lines: String, _ auth: String?, _ says: String) throws {
        let mistakes = try fixture.mistakes(try uplink(lines, auth: auth))
        #expect(mistakes.count == 1 && mistakes.first?.contains(says) == true, "\(mistakes)")
    }
}

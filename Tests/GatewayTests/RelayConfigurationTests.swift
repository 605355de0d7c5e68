import Gateway
import Glibc
import Testing
import Uplinks

@Suite struct RelayConfigurationTests {
    private static let uplink = """
        [[uplink]]
        url = "https://tracetrack.example"
        contract = "tracetrack-devices"
        auth = { kind = "signature" }

        """

    private func fixture() throws -> ConfigurationFixture {
        let fixture = try ConfigurationFixture()
        mkdir(fixture.directory + "/keys", 0o700)
        try fixture.write("secret", "secret\n")
        return fixture
    }

    private func section(_ fixture: ConfigurationFixture, _ more: String = "") -> String {
        """
        [relay]
        url = "mqtts://broker.example"
        keys_dir = "\(fixture.directory)/keys"
        auth = { kind = "password", username = "relay", password_file = "\(fixture.directory)/secret" }
        \(more)

        """
    }

    @Test func `a relay needs a broker, keys and an uplink, and nothing else`() throws {
        let fixture = try fixture()
        let configuration = try fixture.load(section(fixture) + Self.uplink)
        let relay = try #require(configuration.relay)
        #expect(relay.url == "mqtts://broker.example")
        #expect(relay.topicPrefix == "scan/v1")
        #expect(relay.authentication == .password(username: "relay", passwordFile: fixture.directory + "/secret"))
        #expect(configuration.uplinks.first?.authentication == .signature(keyFile: fixture.directory + "/keys"))
        #expect(configuration.warnings.isEmpty)
        #expect(try fixture.load("[[uplink]]\nurl = \"https://t.example\"\n" + login(fixture)).relay == nil)
    }

    private func login(_ fixture: ConfigurationFixture) -> String {
        "auth = { kind = \"login\", accounts = [{ username = \"a\", password_file = \"\(fixture.directory)/secret\" }] }\n"
    }

    @Test func `a gateway's file still needs its key`() throws {
        let mistakes = try fixture().mistakes(Self.uplink)
        #expect(mistakes.count == 1)
        #expect(mistakes.first?.contains("uplink[1].auth.key_file: missing") == true)
    }

    @Test func `each mistake is named with its line`() throws {
        let fixture = try fixture()
        func first(_ text: String) throws -> String { try fixture.mistakes(text).joined(separator: "\n") }
        #expect(try first("[relay]\n" + Self.uplink).contains("1: relay.keys_dir: missing"))
        #expect(try first("[relay]\n" + Self.uplink).contains("1: relay.url: missing"))
        #expect(
            try first("[relay]\nurl = \"https://x.example\"\nkeys_dir = \"/nowhere\"\n" + Self.uplink)
                .contains("2: relay.url: not one broker"))
        #expect(
            try first("[relay]\nurl = \"mqtt://[::1]\"\nkeys_dir = \"/nowhere\"\n" + Self.uplink)
                == "3: relay.keys_dir: no directory: /nowhere; write the path of a directory with a file for each "
                + "gateway, named like it, with its key")
        #expect(try first(section(fixture)).contains("1: uplink: missing: a relay has to know its backend"))
        #expect(
            try first(section(fixture) + Self.uplink + Self.uplink.replacingName("second"))
                .contains("uplink: a relay has one uplink"))
        let web = "[[uplink]]\nurl = \"https://t.example\"\n" + login(fixture)
        #expect(try first(section(fixture) + web).contains("1: relay.devices_file: missing"))
        #expect(
            try first(section(fixture, "topic_prefix = \"scan/+\"") + Self.uplink)
                .contains("5: relay.topic_prefix: \"scan/+\" cannot begin a topic"))
        #expect(
            try first(section(fixture, "id = \"a/b\"") + Self.uplink).contains("5: relay.id: \"a/b\" cannot be used"))
    }
}

extension String {
    fileprivate func replacingName(_ name: String) -> String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0 == "[[uplink]]" ? "[[uplink]]\nname = \"\(name)\"\nbackend = \"\(name)\"" : String($0) }
            .joined(separator: "\n")
    }
}

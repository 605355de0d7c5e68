import Gate
import Gateway
import Glibc
import Posix
import Spool
import Testing
import Uplinks

/// The repository, found from this file's own place.
private let repository = Files.parent(Files.parent(Files.parent(#filePath)))

@Suite struct ConfigurationSchemaTests {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    /// `SCANGATE_UPDATE_DOCS=1 swift test --filter ConfigurationSchemaTests` writes the reference anew.
    @Test func `the committed reference is the schema's`() throws {
        let (path, text) = (repository + "/docs/configuration.md", ConfigurationSchema.current.markdown())
        if getenv("SCANGATE_UPDATE_DOCS") != nil { try Files.replace(path, with: Array(text.utf8), mode: 0o644) }
        #expect(String(decoding: try Files.read(path), as: UTF8.self) == text)
    }

    @Test func `the commented sample is faultless and leaves no section out`() throws {
        let sample = String(decoding: try Files.read(repository + "/docs/sample/scangate.toml"), as: UTF8.self)
        try Files.makeDirectory(fixture.directory + "/etc")
        for name in ["dock7.password", "archive.key", "archive-ca.pem", "broker.password"] {
            try fixture.write("etc/" + name, "x\n")
        }
        let configuration = try fixture.load(sample.replacing("/etc/scangate/", with: fixture.directory + "/etc/"))
        #expect(configuration.warnings.map(\.key) == ["keys.sealing_key_file"])
        #expect(configuration.groups.count == 3)
        // A relay's file is another one.
        for section in ConfigurationSchema.current.keys where section.name != "relay" {
            #expect(sample.contains("[\(section.name)"), "\(section.name)")
        }
    }

    @Test func `the commented sample of a relay is faultless`() throws {
        let sample = String(decoding: try Files.read(repository + "/docs/sample/relay.toml"), as: UTF8.self)
        try Files.makeDirectory(fixture.directory + "/etc")
        try Files.makeDirectory(fixture.directory + "/etc/gateway-keys")
        for name in ["broker.password", "broker-ca.pem"] { try fixture.write("etc/" + name, "x\n") }
        let configuration = try fixture.load(sample.replacing("/etc/scangate/", with: fixture.directory + "/etc/"))
        #expect(configuration.warnings.isEmpty)
        let relay = try #require(configuration.relay)
        var plain = RelaySettings(url: relay.url, keysDirectory: relay.keysDirectory)
        (plain.authentication, plain.tls) = (relay.authentication, relay.tls)
        #expect(relay == plain)
    }

    @Test func `the schema's defaults are the modules' own`() throws {
        let configuration = try fixture.load(try fixture.uplink())
        #expect(configuration.spool == SpoolLimits())
        #expect(configuration.lane == LaneSettings())
        #expect(configuration.gateway == GatewaySettings())
        #expect(configuration.console == ConsoleSettings())
        let uplink = try #require(configuration.uplinks.first)
        let plain = UplinkSettings(
            name: uplink.name, urls: uplink.urls, backend: uplink.backend, authentication: uplink.authentication)
        #expect(uplink == plain)
    }

    @Test func `every key has a sentence, and names are unique`() {
        func check(_ keys: [ConfigurationSchema.Key]) {
            #expect(Set(keys.map(\.name)).count == keys.count)
            for key in keys {
                #expect(key.about.hasSuffix("."), "\(key.name)")
                switch key.kind {
                case .table(let inner), .tables(let inner), .named(let inner): check(inner)
                default: #expect(!key.kind.title.isEmpty)
                }
            }
        }
        check(ConfigurationSchema.current.keys)
    }
}

import Gate
import Gateway
import Model
import Posix
import Scanners
import Spool
import Testing
import Uplinks

/// The sample of the design, its placeholders filled in.
private func designSample(_ fixture: ConfigurationFixture) throws -> String {
    let password = try fixture.write("password", "x\n")
    let pem = try fixture.write("tls.pem", "x\n")
    return #"""
        [gateway]
        id = "dock-7"                      # default: the host name at first start, then kept in state_dir
        site = "jaipur"
        state_dir = "/var/lib/scangate"
        control_socket = "/run/scangate/control.sock"   # 0660, group scangate-admin, peer credentials checked
        [keys]
        sealing_key_file = "/run/credentials/scangate.service/sealing-key"
        [spool]
        max_scans = 5_000_000
        max_bytes = "4 GiB"                # live pages and WAL
        min_free = "256 MiB"
        keep_accepted = "30 d"
        [lane]                             # defaults, overridable by [lanes.NAME]
        debounce = "1500 ms"
        children_per_parent = 30
        forget_parent_after = "20 min"
        short_bag = "confirm"
        other = "refuse"
        [[label]]
        role = "parent"
        match = "^[sS][bB][0-9]{5}$"
        case = "upper"
        [[label]]
        role = "refuse"
        match = "(?i)^SB|^NO ?READ$"
        text = "Damaged bag label, scan again"
        [[label]]
        role = "child"
        extract = "LABEL NO\\.?\\s*([0-9]{7})(?![0-9])"
        [[uplink]]
        name = "tracetrack"
        url = "https://tracetrack.example"
        paths = { parent = "/api/fast_parent_scan", child = "/process_child_scan_fast", login = "/login" }
        contract = "tracetrack-web"
        use = "primary"
        backend = "prod"
        auth = { kind = "login", accounts = [{ username = "dock7", password_file = "PASSWORD" }] }
        tls = { ca_file = "PEM", cert_file = "PEM", key_file = "PEM" }
        batch = { max_scans = 250, max_bytes = 120_000, linger = "0 ms", in_flight = 16 }
        timeout = "15 s"
        max_connection_age = "60 s"
        mqtt = { topic_prefix = "scan/v1", ack = "application" }
        [console]
        listen = "127.0.0.1:8470"
        """#.replacing("PASSWORD", with: password).replacing("PEM", with: pem)
}

extension String {
    func replacing(_ part: String, with other: String) -> String {
        var out = ""
        var rest = self[...]
        while let first = rest.first {
            if rest.hasPrefix(part) {
                out += other
                rest = rest.dropFirst(part.count)
            } else {
                out.append(first)
                rest = rest.dropFirst()
            }
        }
        return out
    }
}

@Suite struct ConfigurationTests {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    @Test func `the sample of the design has no mistakes and says what comes later`() throws {
        let configuration = try fixture.load(try designSample(fixture))
        #expect(configuration.gateway.id == GatewayID("dock-7"))
        #expect(configuration.gateway.site == "jaipur")
        #expect(configuration.spool == SpoolLimits())
        #expect(configuration.lane == LaneSettings())
        #expect(
            configuration.notes.map { "\($0.origin.line) \($0.key)" } == [
                "17 lane.short_bag", "42 uplink[1].mqtt", "44 console.listen",
            ])
        #expect(configuration.warnings.map(\.key) == ["keys.sealing_key_file"])
        let uplink = try #require(configuration.uplinks.first)
        #expect(
            uplink.name == "tracetrack" && uplink.backend == "prod" && uplink.urls == ["https://tracetrack.example"])
        #expect(uplink.batching == UplinkSettings.Batching() && uplink.paths == UplinkSettings.WebPaths())
        #expect(
            configuration.labelTest(Array("LABEL NO. 0016586 LOT NO. 77".utf8))
                == "child 0016586, rule 3, scangate.toml:27"
        )
        #expect(configuration.labelTest(Array("sb00860".utf8)) == "parent SB00860, rule 1, scangate.toml:19")
        #expect(
            configuration.labelTest(Array("SB123456".utf8))
                == "refused: Damaged bag label, scan again, rule 2, scangate.toml:23")
    }

    @Test func `an uplink with a url and how to sign in is enough`() throws {
        let configuration = try fixture.load(try fixture.uplink())
        #expect(configuration.gateway == GatewaySettings())
        #expect(configuration.keys == KeySettings())
        #expect(configuration.labels == .defaults)
        #expect(configuration.warnings.isEmpty && configuration.notes.isEmpty)
        let password = fixture.directory + "/password"
        let expected = UplinkSettings(
            name: "uplink-1", urls: ["https://tracetrack.example"], backend: "default",
            authentication: .login([.init(username: "dock7", passwordFile: password)]))
        #expect(configuration.uplinks == [expected])
        #expect(configuration.groups.map(\.id.text) == ["uplink-1"])
    }

    @Test func `no uplink at all is a warning: scans wait`() throws {
        let configuration = try fixture.load("")
        #expect(configuration.warnings.map(\.problem) == ["no uplink"])
    }

    @Test func `frames of cameras have their bounds, and the spool's free space`() throws {
        #expect(try fixture.load("").camera == CameraSettings())
        let frames = try fixture.load(
            """
            [spool]
            min_free = "1 GiB"
            [camera]
            max_frames = 0
            max_frame_bytes = "1 MiB"
            """
        ).camera.frames
        #expect(frames.files == 0 && frames.bytes == 1 << 20 && frames.minFree == 1 << 30)
    }

    @Test func `a lane overrides what it names, the rest is every lane's`() throws {
        let configuration = try fixture.load(
            """
            [lane]
            debounce = "2 s"
            other = "hold"
            [lanes.table-1]
            other = "forward"
            forget_parent_after = "1 h"
            [lanes."table.2"]
            """)
        let one = configuration.settings(for: try #require(LaneID("table-1")))
        #expect(one.debounce == .seconds(2) && one.other == .forward && one.forgetParentAfter == .seconds(3600))
        #expect(configuration.settings(for: try #require(LaneID("table.2"))) == configuration.lane)
        #expect(configuration.settings(for: try #require(LaneID("table-3"))).other == .hold)
    }

    @Test func `drop-ins come in order, later values win and lists of tables append`() throws {
        try Files.makeDirectory(fixture.directory + "/scangate.d")
        try fixture.write(
            "scangate.d/20-b.toml", "[gateway]\nsite = \"b\"\n[[label]]\nrole = \"child\"\nmatch = \"^C\"\n")
        try fixture.write("scangate.d/10-a.toml", "[gateway]\nsite = \"a\"\nid = \"dock-a\"\n")
        try fixture.write("scangate.d/30-ignored.conf", "not TOML")
        let configuration = try fixture.load(
            "[gateway]\nsite = \"main\"\nstate_dir = \"/x\"\n[[label]]\nrole = \"parent\"\nmatch = \"^P\"\n")
        #expect(configuration.gateway.site == "b")
        #expect(configuration.gateway.id == GatewayID("dock-a"))
        #expect(configuration.gateway.stateDirectory == "/x")
        #expect(configuration.labelTest(Array("C1".utf8)) == "child C1, rule 2, scangate.d/20-b.toml:3")
        let shown = fixture.short(configuration.show(origins: true))
        #expect(shown.contains("gateway.site = \"b\"  # DIR/scangate.d/20-b.toml:2\n"))
        #expect(shown.contains("gateway.id = \"dock-a\"  # DIR/scangate.d/10-a.toml:3\n"))
        #expect(shown.contains("gateway.state_dir = \"/x\"  # 3\n"))
        #expect(shown.contains("spool.max_scans = 5000000  # default\n"))
    }

    @Test func `a primary, its fallback and a mirror are two groups`() throws {
        let token = try fixture.write("token", "t\n")
        func devices(_ name: String, _ more: String) -> String {
            """

            [[uplink]]
            name = "\(name)"
            url = ["https://a.example/x", "http://[::1]:8080"]
            contract = "tracetrack-devices"
            auth = { kind = "bearer", token_file = "\(token)" }
            \(more)
            """
        }
        let configuration = try fixture.load(
            devices("first", "backend = \"prod\"") + devices("second", "use = \"fallback\"\nbackend = \"prod\"")
                + devices("copy", "use = \"mirror\""))
        #expect(configuration.groups.map(\.id.text) == ["first", "copy"])
        #expect(configuration.groups[0].fallbacks.map(\.name) == ["second"])
        #expect(configuration.groups[1].first.backend == "copy")
        #expect(configuration.uplinks[1].authentication == .bearer(tokenFile: token))
        #expect(configuration.notes.isEmpty)
    }

    @Test func `a check says where sessions, bags and limits do not fit each other`() throws {
        let password = try fixture.write("password", "secret-password\n")
        func account(_ sessions: Int) -> String {
            "{ kind = \"login\", accounts = [{ username = \"dock7\", password_file = \"\(password)\", sessions = \(sessions) }] }"
        }
        let configuration = try fixture.load(
            """
            [[uplink]]
            url = ["https://a.example", "https://b.example"]
            auth = \(account(7))
            requests = { per_minute = 3, per_hour = 9000, count_children = false }
            paths = { children = "", health = "/healthz" }
            [[uplink]]
            url = "https://A.example/x"
            use = "fallback"
            auth = \(account(1))
            [lanes.table-1]
            debounce = "1 s"
            [lanes.table-2]
            debounce = "1 s"
            """)
        #expect(configuration.notes.isEmpty)
        #expect(configuration.uplinks[0].paths.children == "" && configuration.uplinks[0].paths.health == "/healthz")
        let lines = configuration.warnings.map { fixture.short($0.description) }
        #expect(lines.count == 3)
        #expect(
            lines[0].hasPrefix(
                "4: uplink[1].requests: 2 lanes at a.example may need 2 x 2 bags x 1 request 4 requests a minute"))
        #expect(
            lines[2].hasPrefix("9: uplink[2].auth.accounts: 8 sessions at a.example need 8 x 2 requests x 1.2/h = 19.2")
        )
        #expect(throws: ConfigurationError.self) {
            try fixture.load(try fixture.uplink("paths = { children = \"x\" }"))
        }
    }

    @Test func `what is shown holds no password, and JSON keeps kinds`() throws {
        let configuration = try fixture.load(try fixture.uplink("insecure_cookies = true"))
        let text = configuration.show(origins: true)
        let json = String(decoding: configuration.showJSON(), as: UTF8.self)
        #expect(!text.contains("secret-password") && !json.contains("secret-password"))
        #expect(json.contains(#"{"key":"uplink[1].insecure_cookies","value":true,"origin":""#))
        #expect(json.contains(#"{"key":"spool.max_scans","value":5000000,"origin":null}"#))
        #expect(text.contains("uplink[1].name = \"uplink-1\"  # default\n"))
        #expect(text.contains("label[3].extract = \"LABEL NO\\\\.?\\\\s*([0-9]{7})(?![0-9])\"  # default\n"))
    }

    @Test func `a label test as JSON says the same`() throws {
        let configuration = try fixture.load("[lane]\nother = \"hold\"\n")
        func test(_ label: String) -> String {
            String(decoding: configuration.labelTestJSON(Array(label.utf8)), as: UTF8.self)
        }
        #expect(test("sb00860") == #"{"outcome":"parent","data":"SB00860","rule":1,"origin":"default"}"#)
        #expect(
            test("NOREAD")
                == #"{"outcome":"refused","rule":2,"origin":"default","code":"label_refused","text":"Damaged bag label, scan again"}"#
        )
        #expect(test("x\0") == #"{"outcome":"held","data_b64":"eAA"}"#)
    }

    @Test(
        arguments: [
            ("a.toml", nil, "a.toml"), (nil, "b.toml", "b.toml"), (nil, nil, "/etc/scangate/scangate.toml"),
            (nil, "", "/etc/scangate/scangate.toml"), ("a.toml", "b.toml", "a.toml"),
        ] as [(String?, String?, String)])
    func `the option comes before the environment, then the standard path`(
        option: String?, variable: String?, path: String
    ) {
        #expect(
            Configuration.path(option: option) { $0 == "SCANGATE_CONFIG" ? variable : nil } == path)
    }
}

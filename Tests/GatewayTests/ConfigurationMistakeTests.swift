import Gateway
import Glibc
import Posix
import Testing

@Suite struct ConfigurationMistakeTests {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    @Test func `all mistakes are found in one run, in the order of the lines`() throws {
        let open = try fixture.write("open", "x\n", mode: 0o640)
        let mistakes = try fixture.mistakes(
            """
            [gateway]
            id = "dock 7"
            stat_dir = "/x"
            [spool]
            max_scans = 5
            max_byte = "1 GiB"
            min_free = "256 MB"
            [lane]
            debounce = 1500
            other = "holt"
            forget_parent_after = "9 weeks"
            [lanes."a b"]
            [[label]]
            role = "parent"
            match = "a(b"
            [[label]]
            role = "child"
            [[uplink]]
            name = "a"
            url = "ftp://broker.example"
            auth = { kind = "login", accounts = [{ username = "u", password_file = "\(open)" }] }
            [[uplink]]
            name = "a"
            use = "fallback"
            backend = "other"
            url = "https://user:hunter2@b.example"
            timeout = true
            [consol]
            """)
        #expect(
            mistakes == [
                "2: gateway.id: \"dock 7\" is not a name; write 1 to 63 of A-Z a-z 0-9 . _ -, the first a letter or digit",
                "3: gateway.stat_dir: unknown key; write state_dir",
                "5: spool.max_scans: too small; write 1000 to 1000000000",
                "6: spool.max_byte: unknown key; write max_bytes",
                "7: spool.min_free: not a size; write a number with a unit, such as \"256 MiB\" or \"4 GiB\", "
                    + "or an integer of bytes",
                "9: lane.debounce: a number without a unit; write a number with a unit, such as \"1500 ms\", \"15 s\", "
                    + "\"20 min\", \"2 h\" or \"30 d\"",
                "10: lane.other: \"holt\" is not known; write \"hold\"",
                "11: lane.forget_parent_after: not a duration; write a number with a unit, such as \"1500 ms\", \"15 s\", "
                    + "\"20 min\", \"2 h\" or \"30 d\"",
                "12: lanes.a b: not a name; write 1 to 63 of A-Z a-z 0-9 . _ -, the first a letter or digit",
                "15: label[1].match: \"a(b\" does not compile: missing closing parenthesis at character 4; "
                    + "write a regular expression in PCRE2's syntax",
                "16: label[2].match: missing; write match = … or extract = …",
                "20: uplink[1].url: neither https:// nor http:// nor mqtts:// nor mqtt://; write a URL such as "
                    + "\"https://tracetrack.example\"",
                "21: uplink[1].auth.accounts[1].password_file: DIR/open can be used by others (mode 640); "
                    + "run: chmod 600 DIR/open",
                "22: uplink[2].auth: missing; write auth = { … }",
                "23: uplink[2].name: \"a\" is the name of uplink[1] (18) already; write another name",
                "25: uplink[2].backend: no primary has the backend \"other\", and a fallback shares its primary's; "
                    + "write \"default\"",
                "26: uplink[2].url: a user or password in the URL; write them with auth = { … }, in a file",
                "27: uplink[2].timeout: true or false, where a duration is wanted; write a number with a unit, such as "
                    + "\"1500 ms\", \"15 s\", \"20 min\", \"2 h\" or \"30 d\"",
                "28: consol: unknown key; write console",
            ])
        #expect(!mistakes.contains { $0.contains("hunter2") })
    }

    @Test func `of what is not TOML the first mistake of each file is named`() throws {
        try Files.makeDirectory(fixture.directory + "/scangate.d")
        try fixture.write("scangate.d/a.toml", "x = 1\nx = 2\n")
        let mistakes = try fixture.mistakes("[gateway]\nid = \n")
        #expect(mistakes.count == 2)
        #expect(mistakes.first?.hasPrefix("2: not TOML, column ") == true)
        #expect(mistakes.last?.hasPrefix("DIR/scangate.d/a.toml:2: not TOML, column ") == true)
    }

    @Test func `a file that is not there is named with the reason`() {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(path: "/nonexistent/scangate.toml")
        }
        #expect(error?.description.hasPrefix("/nonexistent/scangate.toml: cannot be read: ") == true)
    }

    @Test(arguments: [
        ("debounce = \"1 s\"", "1: debounce: unknown key; it belongs in the section lane"),
        (
            "[uplink]\nurl = \"https://a.example\"",
            "1: uplink: a table, where a list of tables is wanted; write [[uplink]]"
        ),
        ("[[spool]]\nmax_scans = 1", "1: spool: a list, where a table is wanted; write [spool]"),
        ("spool = 2026-11-21", "1: spool: a date or time, where a table is wanted; write [spool]"),
        (
            "[spool]\nmax_bytes = 1.5",
            "2: spool.max_bytes: a number with a fraction, where a size is wanted; write a number "
                + "with a unit, such as \"256 MiB\" or \"4 GiB\", or an integer of bytes"
        ),
        (
            "[spool]\nkeep_accepted = \"99999999999999999999 d\"",
            "2: spool.keep_accepted: not a duration; write a number "
                + "with a unit, such as \"1500 ms\", \"15 s\", \"20 min\", \"2 h\" or \"30 d\""
        ),
        (
            "[gateway]\nstate_dir = \"var\"",
            "2: gateway.state_dir: \"var\" is not an absolute path; write a path that "
                + "begins with /"
        ),
        ("[console]\nlisten = \"8470\"", "2: console.listen: \"8470\" is not HOST:PORT; write \"127.0.0.1:8470\""),
        ("[lanes]\nx = 1", "2: lanes.x: an integer, where a table is wanted; write [lanes.x]"),
        (
            "[keys]\nsealing_key_file = \"hunter2\"",
            "2: keys.sealing_key_file: the value is not an absolute path; write a "
                + "path that begins with /"
        ),
        (
            "[keys]\nsealing_key_file = \"/nonexistent\"",
            "2: keys.sealing_key_file: no such file, or not to be reached: "
                + "/nonexistent; write the path of a file that is there"
        ),
        (
            "\"a\\u001b[2J\" = 1",
            "1: a\\x1b[2J: unknown key; the keys here are gateway, keys, spool, lane, lanes, label, "
                + "scanners, camera, uplink, signal, console, relay"
        ),
        (
            "[[label]]\nrole = \"refuse\"\nextract = \"a\"",
            "3: label[1].extract: nothing is taken of a label that is "
                + "refused; write match"
        ),
        (
            "[[label]]\nrole = \"child\"\nmatch = \"a\"\ntext = \"b\"",
            "4: label[1].text: only a rule of role refuse has a "
                + "text; remove it"
        ),
        (
            "[[label]]\nrole = \"child\"\nmatch = \"a\"\nextract = \"b\"",
            "4: label[1].extract: a rule has match or extract, "
                + "not both; remove one"
        ),
        (
            "[[label]]\nrole = \"child\"\nmatch = \"a\"\nsymbology = \"qr\"",
            "4: label[1].symbology: \"qr\" is not known; "
                + "write one of \"QR\", \"MicroQR\", \"DataMatrix\", \"Aztec\", \"PDF417\", \"Code128\", \"GS1-128\", "
                + "\"Code39\", \"Code93\", \"Codabar\", \"ITF\", \"EAN-13\", \"EAN-8\", \"DataBar\""
        ),
    ])
    func `one mistake says where, what and what to write`(text: String, message: String) throws {
        #expect(try fixture.mistakes(text) == [message])
    }

    @Test(arguments: [
        ("ftp://a.example", "neither https:// nor http://"), ("a.example", "not a URL"), ("https://", "no host"),
        ("https://a.example:0", "a port that is none"), ("https://a.example:99999", "a port that is none"),
        ("https://a.example:", "a port that is none"), ("https://a.example?x=1", "a query or fragment"),
        ("https://a b.example", "characters that no URL has"), ("https://[::1", "no host"),
        ("mqtts://a/topic", "a path, which MQTT does not have"), ("mqtts://u:p@a", "a user or password in the URL"),
        ("HTTPS://u@a.example", "a user or password in the URL"),
    ])
    func `a url that cannot work is a mistake`(url: String, problem: String) throws {
        let mistakes = try fixture.mistakes(try fixture.uplink(url: url))
        #expect(mistakes.count == 1 && mistakes.first?.contains(": uplink[1].url: \(problem)") == true)
    }

    @Test(arguments: [
        "https://a.example", "https://a.example:8443/x", "http://127.0.0.1:80", "http://[::1]:80/", "HTTPS://A",
    ])
    func `a url that can work is none`(url: String) throws {
        let configuration = try fixture.load(try fixture.uplink(url: url))
        #expect(configuration.warnings.isEmpty)
    }

    @Test func `http to another machine is a warning`() throws {
        let configuration = try fixture.load(try fixture.uplink(url: "http://a.example"))
        #expect(
            configuration.warnings.map(\.problem) == [
                "scans and passwords go unencrypted",
                "over http:// a session whose cookie is marked Secure cannot work",
            ])
    }

    @Test(arguments: [
        ("tracetrack-web", "kind = \"bearer\", token_file = \"F\"", "auth.kind: \"bearer\" does not go with contract"),
        ("tracetrack-devices", "kind = \"login\"", "auth.kind: \"login\" does not go with contract"),
        ("tracetrack-web", "kind = \"login\"", "auth.accounts: no account"),
        ("tracetrack-web", "kind = \"login\", accounts = []", "auth.accounts: no account"),
        (
            "tracetrack-web", "kind = \"login\", accounts = [{ username = \"\", password_file = \"F\" }]",
            "username: empty"
        ),
        (
            "tracetrack-web",
            "kind = \"login\", accounts = [{ username = \"u\", password_file = \"F\" }, { username = \"u\", password_file = \"F\" }]",
            "auth.accounts[2].username: \"u\" is there twice"
        ),
        ("tracetrack-devices", "kind = \"signature\"", "auth.key_file: missing"),
        ("tracetrack-devices", "kind = \"mtls\"", "auth.kind: \"mtls\" without a certificate"),
        (
            "tracetrack-devices", "kind = \"bearer\", token_file = \"F\", key_file = \"F\"",
            "auth.key_file: does not go with"
        ),
        ("tracetrack-devices", "kind = \"bearer\", token_file = \"E\"", "auth.token_file: an empty file"),
        ("tracetrack-devices", "kind = \"bearer\", token_file = \"/\"", "auth.token_file: a directory"),
    ])
    func `how to sign in must fit the contract`(contract: String, auth: String, problem: String) throws {
        let file = try fixture.write("f", "x\n")
        let empty = try fixture.write("e", "")
        let filled = auth.replacing("\"F\"", with: "\"\(file)\"").replacing("\"E\"", with: "\"\(empty)\"")
        let mistakes = try fixture.mistakes(
            "[[uplink]]\nurl = \"https://a.example\"\ncontract = \"\(contract)\"\nauth = { \(filled) }\n")
        #expect(mistakes.count == 1 && mistakes.first?.contains(problem) == true, "\(mistakes)")
    }

    @Test func `a sealing key of another length is a mistake`() throws {
        let key = try fixture.write("key", "short")
        #expect(
            try fixture.mistakes("[keys]\nsealing_key_file = \"\(key)\"\n") == [
                "2: keys.sealing_key_file: DIR/key holds 5 bytes, not 32; put the key back from your backup; only for a new gateway: head -c 32 /dev/urandom > DIR/key"
            ])
    }

    @Test func `a credential is a mistake only where the service can see it`() throws {
        let path = "/run/credentials/scangate.service/none"
        let text = "[keys]\nsealing_key_file = \"\(path)\"\n"
        #expect(try fixture.load(text).warnings.map(\.key).contains("keys.sealing_key_file"))
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(path: fixture.file, credentialsDirectory: "/run/credentials/scangate.service")
        }
        #expect(error?.mistakes.map(\.key) == ["keys.sealing_key_file"])
    }

    @Test func `two primaries of one backend are a mistake`() throws {
        let mistakes = try fixture.mistakes(try fixture.uplink() + "\n" + fixture.uplink())
        #expect(
            mistakes == [
                "5: uplink[2].backend: uplink[1] is the primary of backend \"default\" already; "
                    + "write use = \"fallback\", or another backend"
            ])
    }

    @Test func `a fallback that speaks another contract than its primary is a mistake`() throws {
        let token = try fixture.write("token", "t\n")
        let mistakes = try fixture.mistakes(
            try fixture.uplink() + """

                [[uplink]]
                url = "https://b.example"
                use = "fallback"
                contract = "tracetrack-devices"
                auth = { kind = "bearer", token_file = "\(token)" }
                """)
        #expect(
            mistakes == [
                "8: uplink[2].contract: \"tracetrack-devices\", and uplink[1], its primary, speaks \"tracetrack-web\": "
                    + "one would not know what the other has delivered; "
                    + "write contract = \"tracetrack-web\", or another backend and use = \"mirror\""
            ])
    }

    @Test func `a check as text and as JSON says the same`() throws {
        try fixture.write("scangate.toml", "x = 1\n")
        let result = Result { () throws(ConfigurationError) in try Configuration.load(path: fixture.file) }
        let keys =
            "the keys here are gateway, keys, spool, lane, lanes, label, scanners, camera, uplink, signal, console, relay"
        #expect(fixture.short(ConfigurationCheck.text(result)) == "1: x: unknown key; \(keys)\n")
        let json = fixture.short(String(decoding: ConfigurationCheck.json(result), as: UTF8.self))
        #expect(
            json == #"{"ok":false,"files":[],"mistakes":[{"file":"DIR/scangate.toml","line":1,"key":"x","#
                + "\"problem\":\"unknown key\",\"advice\":\"\(keys)\"}],\"warnings\":[],\"notes\":[]}")
    }
}

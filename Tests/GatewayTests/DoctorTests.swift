import Glibc
import JSON
import Posix
import Testing

@testable import Gateway

/// Each fault is made in a directory of its own; the command that the doctor gives is run, and the fault is gone.
struct DoctorTests {
    private let fixture: ConfigurationFixture
    private let state: String
    private let configuration: Configuration
    private var surroundings: Doctor.Surroundings

    init() throws {
        umask(0o022)
        fixture = try ConfigurationFixture()
        state = fixture.directory + "/state"
        try Files.makeDirectory(state, mode: 0o750)
        configuration = try Self.load(fixture, state)
        surroundings = Doctor.Surroundings(
            user: Users.name(geteuid()), userNumber: geteuid(), groups: [getegid()],
            portGroup: Users.groupName(getegid()),
            isThere: { _ in false })
    }

    private static func load(
        _ fixture: ConfigurationFixture, _ state: String, _ more: String = "", minimumFree: String = "0 B"
    ) throws
        -> Configuration
    {
        // A group that the user who runs the tests is in, so that chown works without being root.
        try fixture.load(
            """
            [gateway]
            state_dir = "\(state)"
            control_socket = "\(fixture.directory)/control.sock"
            admin_group = "\(Users.groupName(getegid()))"
            [spool]
            min_free = "\(minimumFree)"
            \(more)
            \(try fixture.uplink())
            """)
    }

    private func fault(_ check: String, in configuration: Configuration? = nil) -> Doctor.Finding? {
        Doctor.examine(configuration ?? self.configuration, surroundings).first { $0.check == check && !$0.isGood }
    }

    private func mends(_ check: String, with expected: String) {
        guard let finding = fault(check) else {
            Issue.record("no fault of \(check) is found")
            return
        }
        #expect(finding.mend == expected)
        #expect(system(finding.mend) == 0)
        #expect(fault(check) == nil, "after \(finding.mend)")
    }

    @Test func `a sound directory has no fault but a daemon that does not run`() {
        #expect(Doctor.examine(configuration, surroundings).filter { !$0.isGood }.map(\.check) == ["daemon"])
    }

    @Test func `a state directory that others write is closed to them`() {
        chmod(state, 0o777)
        mends("state directory", with: "chmod 750 \(state)")
    }

    @Test func `a state directory that is not there is made for the daemon`() throws {
        rmdir(state)
        let finding = try #require(fault("state directory"))
        #expect(finding.mend == "install -d -m 750 -o \(surroundings.user) -g \(surroundings.user) \(state)")
    }

    @Test(arguments: ["identity.db", "spool.db", "spool.db-wal", "sealing-key"])
    func `a file of the state directory that others read is closed to them`(name: String) throws {
        try fixture.write("state/" + name, "x", mode: 0o644)
        mends("secret file", with: "chmod 600 \(state)/\(name)")
    }

    @Test func `a password that others read is closed to them`() throws {
        chmod(fixture.directory + "/password", 0o640)
        mends("secret file", with: "chmod 600 \(fixture.directory)/password")
    }

    @Test func `files of another user are given to the daemon`() throws {
        var other = self
        other.surroundings.userNumber = geteuid() + 1
        other.surroundings.user = "scangate"
        #expect(other.fault("state directory")?.mend == "chown -R scangate: \(state)")
        #expect(
            other.fault("secret file")?.mend
                == "chown scangate: \(fixture.directory)/password && chmod 600 \(fixture.directory)/password")
    }

    @Test(arguments: [mode_t(0o600), 0o666])
    func `a configuration that the daemon cannot read or others can change is put right`(mode: mode_t) throws {
        chmod(fixture.file, mode)
        var other = self
        if mode == 0o600 { other.surroundings.userNumber = geteuid() + 1 }
        let finding = try #require(other.fault("configuration"))
        #expect(
            finding.mend
                == "chown root:\(configuration.gateway.adminGroup) \(fixture.file) && chmod 640 \(fixture.file)")
    }

    @Test func `a full disk is seen by the bound of the spool`() throws {
        let full = try Self.load(fixture, state, minimumFree: "1000 TiB")
        #expect(fault("disk", in: full)?.mend == "journalctl --vacuum-size=100M && apt-get clean")
        #expect(fault("disk") == nil)
    }

    @Test func `a ballast that was given up is a fault of the disk, for then scans are refused`() throws {
        let full = try Self.load(fixture, state, minimumFree: "1000 TiB")
        try Files.replace(state + "/ballast", with: [0])
        #expect(fault("disk", in: full)?.text.contains("is given up: scans are refused until") == true)
        // With room it is laid down again, by the daemon or with its start.
        #expect(fault("disk") == nil)
    }

    @Test(arguments: [
        ("", "apt-get install -y systemd-timesyncd && timedatectl set-ntp true"),
        ("/lib/systemd/systemd-timesyncd", "timedatectl set-ntp true"),
        ("/usr/sbin/chronyd", "systemctl enable --now chrony && chronyc waitsync 30"),
    ])
    func `a clock without a source is mended with what is installed`(installed: String, mend: String) {
        var other = self
        other.surroundings.isSynced = false
        other.surroundings.isThere = { $0 == installed }
        #expect(other.fault("clock")?.mend == mend)
        #expect(fault("clock") == nil)
    }

    @Test func `a missing admin group is made, with the daemon in it`() throws {
        let other = try fixture.load("[gateway]\nadmin_group = \"no-such-group\"\n" + fixture.uplink())
        #expect(
            fault("admin group", in: other)?.mend
                == "groupadd --system no-such-group && usermod -aG no-such-group \(surroundings.user) "
                + "&& systemctl restart scangate")
    }

    @Test func `a gateway without an uplink is a fault`() throws {
        #expect(fault("uplink") == nil)
        #expect(
            fault("uplink", in: try fixture.load(""))?.mend
                == "${EDITOR:-nano} \(fixture.file) && systemctl restart scangate")
    }

    @Test func `a daemon that does not run is started, also after the next boot`() {
        #expect(fault("daemon")?.mend == "systemctl enable --now scangate")
    }

    @Test func `a control socket that the group cannot use is made anew by a daemon in the group`() throws {
        let path = configuration.gateway.controlSocket
        let listener = try UnixSocket.listen(path, group: nil)
        #expect(fault("daemon") == nil)
        #expect(fault("control socket") == nil)
        chmod(path, 0o600)
        #expect(
            fault("control socket")?.mend
                == "usermod -aG \(configuration.gateway.adminGroup) \(surroundings.user) && systemctl restart scangate")
        _ = consume listener
    }

    @Test func `a configuration with a mistake is named with the place, or the command, that mends it`() throws {
        #expect(throws: ConfigurationError.self) { try fixture.load("nonsense = 1\n") }
        do { _ = try fixture.load("\nnonsense = 1\n") } catch let error as ConfigurationError {
            #expect(Doctor.examine(error).first?.mend == "${EDITOR:-nano} +2 \(fixture.file)")
        }
        let password = try fixture.write("password", "secret\n", mode: 0o644)
        let uplink = """
            [[uplink]]
            url = "https://tracetrack.example"
            auth = { kind = "login", accounts = [{ username = "dock7", password_file = "\(password)" }] }
            """
        do { _ = try fixture.load(uplink) } catch let error as ConfigurationError {
            #expect(Doctor.examine(error).map(\.mend) == ["chmod 600 \(password)"])
        }
    }

    @Test func `a sealing credential without its source is made only while there is no keystore`() throws {
        let path = "/run/credentials/scangate.service/sealing-key"
        let other = try Self.load(fixture, state, "[keys]\nsealing_key_file = \"\(path)\"")
        let source = fixture.directory + "/sealing-key"
        try fixture.write("state/identity.db", "x")
        #expect(fault("sealing key", in: other)?.mend == "")
        unlink(state + "/identity.db")
        let finding = try #require(fault("sealing key", in: other))
        #expect(finding.mend == "(umask 377 && head -c 32 /dev/urandom > \(source))")
        #expect(system(finding.mend) == 0)
        #expect(Files.status(source)?.mode == 0o400 && Files.status(source)?.size == 32)
        #expect(fault("sealing key", in: other) == nil)
    }

    // MARK: Cameras

    private func camera(_ counts: String, connected: Bool = true, without: String = "null") throws -> JSONValue {
        try JSONValue.parse(
            Array(
                """
                {"devices": [{"name": "belt-1", "kind": "camera", "state": "reading", "connected": \(connected),
                  "camera": {"frames": 9000, "dropped": 80, "decoded": 8000, "unreadable": 3, "poison": 7,
                    "without": \(without), "recent": {\(counts)}}}]}
                """.utf8))
    }

    @Test(
        arguments: [
            ("\"frames\": 1000, \"dropped\": 100, \"poison\": 0", "null", nil),
            ("\"frames\": 1000, \"dropped\": 501, \"poison\": 0", "null", "50 % of its frames are not looked at"),
            // Too few to say anything.
            ("\"frames\": 140, \"dropped\": 120, \"poison\": 0", "null", nil),
            ("\"frames\": 1000, \"unreadable\": 101", "null", "10 % of its frames come damaged"),
            ("\"frames\": 1000, \"poison\": 2", "null", "7 frames have ended its decoder, 2 of them"),
            ("\"frames\": 1000", "\"zbar\"", "what only zbar reads is not read for the moment"),
            ("\"frames\": 1000", "\"background\"", "only what comes or moves beside it is read"),
        ] as [(String, String, String?)])
    func `a camera that drops or spoils frames, or whose frames end its decoder, is a fault`(
        counts: String, without: String, expected: String?
    ) throws {
        var other = surroundings
        other.decoderFault = { nil }
        let findings = Doctor.examine(cameras: try camera(counts, without: without), other)
        #expect(findings.map(\.check) == ["decoder", "frames of belt-1"] && findings[0].isGood)
        #expect(findings[1].isGood == (expected == nil), "\(findings[1].text)")
        #expect(findings[1].text.contains(expected ?? "8000 decoded, 80 dropped, 3 damaged"), "\(findings[1].text)")
    }

    @Test func `a decoder that does not start is a fault where there is a camera, and not looked at elsewhere`() throws
    {
        var other = surroundings
        other.decoderFault = { "libzbar.so.0: cannot open shared object file" }
        let findings = Doctor.examine(cameras: try camera("", connected: false), other)
        #expect(findings.map(\.mend) == ["apt-get install -y libzbar0"] && findings.first?.isGood == false)
        let none = JSONValue.object([("devices", .array([device("/dev/ttyACM0")]))])
        #expect(Doctor.examine(cameras: none, other).isEmpty)
    }

    // MARK: Ports

    private func device(_ port: String, connected: Bool = false, fault: String = "") -> JSONValue {
        .object([
            ("name", .string("s1")), ("port", .string(port)), ("connected", .bool(connected)),
            ("fault", .string(fault)), ("state", .string("waiting")),
        ])
    }

    @Test func `a port that the daemon may not use is given to its group`() throws {
        let terminal = try PseudoTerminal()
        var other = surroundings
        other.userNumber = geteuid() + 1
        chmod(terminal.path, 0o600)
        let finding = try #require(Doctor.port(device(terminal.path), other))
        let group = other.portGroup
        #expect(!finding.isGood)
        #expect(finding.mend == "chgrp \(group) \(terminal.path) && chmod 660 \(terminal.path)")
        #expect(system(finding.mend) == 0)
        #expect(Doctor.port(device(terminal.path), other)?.isGood == true)
    }

    @Test func `a port that another program holds is freed`() throws {
        let terminal = try PseudoTerminal()
        var other = surroundings
        let fault = "cannot lock \(terminal.path): \(SystemError.text(EBUSY))"
        #expect(Doctor.port(device(terminal.path, fault: fault), other)?.mend == "fuser -vk \(terminal.path)")
        other.isThere = { $0 == "/usr/sbin/ModemManager" }
        #expect(Doctor.port(device(terminal.path, fault: fault), other)?.mend == "systemctl mask --now ModemManager")
        #expect(Doctor.port(device(terminal.path, connected: true), other)?.isGood == true)
    }

    @Test func `an output that fails is a fault with its advice, one that nobody has used says nothing`() throws {
        let signals = try JSONValue.parse(
            Array(
                """
                {"signals":[{"name":"tower","device":"/dev/x","state":"fails","fault":"cannot open /dev/x: No such file",
                "hint":"is it plugged in?"},{"name":"horn","device":"default","state":"works"},
                {"name":"lamp","device":"gpiochip0","state":"not used yet"}]}
                """.utf8))
        let findings = Doctor.examine(signals: signals)
        #expect(findings.map { "\($0.check) \($0.isGood)" } == ["signal tower false", "signal horn true"])
        #expect(findings.first?.text == "cannot open /dev/x: No such file; is it plugged in?")
    }

    @Test func `a port that is not there and a gateway without scanners are faults`() {
        var other = surroundings
        #expect(Doctor.port(device("/nonexistent"), other)?.isGood == false)
        other.serialPorts = ["/dev/serial/by-id/usb-A scanner's-if00"]
        #expect(
            Doctor.examine(devices: .object([("devices", .array([]))]), other).map(\.mend)
                == ["scangate device add scanner-1 --port '/dev/serial/by-id/usb-A scanner'\\''s-if00'"])
    }
}

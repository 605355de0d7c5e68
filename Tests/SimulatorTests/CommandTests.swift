internal import Glibc
internal import HTTPServer
internal import JSON
internal import Model
internal import TestSupport
internal import Testing
internal import Wire

@testable internal import Simulator

/// The program `tracetrack-sim`, as a process.
private final class Program {
    let process: pid_t
    let port: Int
    private let output: UnsafeMutablePointer<FILE>?

    init(_ arguments: [String]) throws {
        var link = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &link, link.count)
        let path = String(decoding: link.prefix(max(length, 0)).map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SetupError("pipe") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        var words: [UnsafeMutablePointer<CChar>?] = (["tracetrack-sim"] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var process = pid_t()
        let failure = posix_spawn(&process, "/\(folder)/tracetrack-sim", &actions, nil, &words, environ)
        close(ends[1])
        guard failure == 0 else { throw SetupError("posix_spawn: \(String(cString: strerror(failure)))") }
        self.process = process
        output = fdopen(ends[0], "r")
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        guard getline(&line, &room, output) > 0, let line else { throw SetupError("it said nothing") }
        let text = String(cString: line)
        guard text.hasPrefix("listening on http://127.0.0.1:"), text.hasSuffix("\n"),
            let port = Int(text.split(separator: ":").last?.dropLast() ?? "")
        else { throw SetupError("it said \(text)") }
        self.port = port
    }

    deinit { fclose(output) }

    /// The status of `waitpid`.
    func end(_ signal: Int32) -> Int32 {
        var status: Int32 = 0
        kill(process, signal)
        waitpid(process, &status, 0)
        return status
    }
}

@Suite(.timeLimit(.minutes(4)))
struct `The program tracetrack-sim` {
    @Test(arguments: ["R2", "R3"])
    func `a killed one knows after its start everything it had answered`(_ variant: String) throws {
        try withTemporaryDirectory { directory in
            let arguments = [
                "--listen", "127.0.0.1:0", "--db", directory + "/sim.db", "--variant", variant, "--account", "u:p",
            ]
            let program = try Program(arguments)
            let http = try RawHTTP(port: program.port)
            let page = try http.request("GET", "/login")
            func cookie(_ answer: RawHTTP.Answer) -> (String, String) {
                ("Cookie", String((answer.header("set-cookie") ?? "").prefix { $0 != ";" }))
            }
            let form = ("Content-Type", "application/x-www-form-urlencoded")
            let login = try http.request(
                "POST", "/login", headers: [form, cookie(page)],
                body: Array("username=u&password=p&csrf_token=\(page.token)".utf8))
            let token = try http.request("GET", "/dashboard", headers: [cookie(login)]).token
            let parent = try http.request(
                "POST", "/api/fast_parent_scan", headers: [form, cookie(login), ("X-CSRFToken", token)],
                body: Array("qr_code=SB00001".utf8))
            #expect(parent.status == 200)
            #expect(program.end(SIGKILL) & 0x7F == SIGKILL)

            let again = try Program(arguments)
            let child = try RawHTTP(port: again.port).request(
                "POST", "/process_child_scan_fast", headers: [form, cookie(parent), ("X-CSRFToken", token)],
                body: Array("qr_code=CHILD1".utf8))
            #expect(child.json["parent_qr"]?.string == "SB00001")
            let state = try RawHTTP(port: again.port).request("GET", "/sim/state").json
            #expect(state["scan_rows"]?.integer == 2 && state["logins"]?.integer == 1)
            #expect(again.end(SIGTERM) == 0)
        }
    }

    @Test
    func `keys and replays survive in the file`() throws {
        try withTemporaryDirectory { directory in
            var settings = SimulatorSettings()
            settings.database = directory + "/sim.db"
            let device = TestDevice()
            var body: [UInt8] = []
            var first: [UInt8] = []
            for round in 0..<2 {
                let simulator = try Simulator(settings)
                defer { simulator.stop() }
                let gateway = try TestGateway(simulator)
                if round == 0 {
                    try simulator.addDeviceKey(device.registered)
                    body = gateway.body([device.scan(1, .parent, "SB00001")], id: gateway.batchID(3))
                }
                let answer = try gateway.post(body, [("Idempotency-Key", "\"\(gateway.batchID(3))\"")])
                if round == 0 { first = answer.body }
                #expect(answer.status == 200 && answer.body == first)
                #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["duplicate"])
            }
        }
    }

    @Test
    func `ends cleanly on SIGTERM, right after it has said where it listens`() throws {
        for _ in 0..<5 { #expect(try Program(["--listen", "127.0.0.1:0"]).end(SIGTERM) == 0) }
    }

    @Test
    func `understands its options, and says which it does not`() throws {
        let options = try Options([
            "--listen", "127.0.0.1:9", "--variant", "r2", "--contract", "web", "--account", "a:b:c", "--auth", "bearer",
            "--bearer", "dock-7:t", "--gateway-key", "dock-7:AAAA", "--logins-per-hour", "20", "--tls-cert", "c",
            "--tls-key", "k", "--client-ca", "ca", "--plain", "127.0.0.1:0", "--durable",
        ])
        #expect(options.settings.listeners.map(\.port) == [9, 0])
        #expect(options.settings.listeners[0].tls?.clientAuthorityFile == "ca")
        #expect(options.settings.listeners[1].tls == nil)
        #expect(options.settings.variant == .r2 && options.settings.contract == .web)
        #expect(options.settings.accounts.first?.password == "b:c")
        #expect(options.gatewayKeys.first?.key == [0, 0, 0])
        #expect(options.settings.limits.loginsPerHour == 20)
        for wrong in [
            ["--nothing"], ["--listen"], ["--listen", "9"], ["--variant", "R4"], ["--account", "x"],
            ["--tls-cert", "c"],
            ["--client-ca", "c"], ["--auth", "magic"], ["--gateway-key", "dock-7:="],
        ] {
            #expect(throws: SimulatorError.self) { try Options(wrong) }
        }
    }

    @Test
    func `an event is one line, whatever was scanned`() throws {
        let events = Events()
        try withGateway({ $0.printEvent = { events.add($0) } }) { (simulator, gateway, device) throws in
            _ = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "A\n\u{1B}[2J", parent: "SB00001"))
        }
        #expect(events.all.count == 2)
        #expect(events.all.allSatisfy { !$0.utf8.contains { $0 < 32 } })
        #expect(events.all.last?.contains("\\x0a\\x1b[2J") == true)
    }
}

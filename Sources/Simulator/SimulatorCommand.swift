internal import Glibc
internal import HTTPServer
internal import JSON
internal import Model

/// The command `tracetrack-sim`.
public enum SimulatorCommand {
    /// Runs until SIGTERM or SIGINT, then exits; the arguments begin with the program's name.
    public static func run(_ arguments: [String]) -> Never {
        // Blocked before any thread is made: each inherits the mask, and a signal that comes early is kept.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)
        let options: Options
        do { options = try Options(Array(arguments.dropFirst())) } catch {
            say("tracetrack-sim: \(error); see tracetrack-sim --help\n", to: 2)
            exit(2)
        }
        if options.wantsHelp {
            say(help, to: 1)
            exit(0)
        }
        do {
            let simulator = try Simulator(options.settings)
            for path in options.keyFiles { try simulator.addDeviceKeys(jsonLines: read(path)) }
            for (gateway, key) in options.gatewayKeys { try simulator.addGatewayKey(gateway: gateway, key: key) }
            for (gateway, token) in options.bearers { try simulator.addBearer(gateway: gateway, token: token) }
            for url in simulator.urls { say("listening on \(url)\n", to: 1) }
            var signal: Int32 = 0
            sigwait(&signals, &signal)
            simulator.stop()
            exit(0)
        } catch {
            say("tracetrack-sim: \(error)\n", to: 2)
            exit(1)
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let file = fopen(path, "re") else { throw SimulatorError("cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        return bytes
    }

    /// One write(2) a line: a buffer would be lost with the process.
    static func say(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }

    private static let help = """
        tracetrack-sim: the reference backend, with both contracts on /api/fast_parent_scan

        Usage: tracetrack-sim [OPTION]...
          --listen HOST:PORT        where to listen (default 127.0.0.1:8471; port 0 takes a free one)
          --plain HOST:PORT         one more listener without TLS
          --db FILE                 the SQLite file, kept over restarts (default: a temporary one)
          --durable                 commits are on stable storage before they are answered
          --contract web|devices|both                        (default both)
          --variant R1|R2|R3        the web backend's version (default R3)
          --account USER:PASSWORD   an account of the web contract; may be given several times
          --keys FILE               device keys, as `scangate device export --json` prints them
          --auth none|signature|bearer                       how gateways sign in under tracetrack-devices
          --gateway-key GATEWAY:KEY base64url, for --auth signature
          --bearer GATEWAY:TOKEN    for --auth bearer
          --logins-per-hour N       the limit of /login by address (default none)
          --tls-cert FILE --tls-key FILE [--client-ca FILE]  --listen speaks TLS; with a CA clients need certificates
          --print-events            one line a judged scan
          --help

        Control, from this machine only, JSON both ways:
          GET  /sim/state /sim/links[?parent=] /sim/scans[?after=&limit=] /sim/acceptances /sim/clock /sim/settings
          POST /sim/faults {"kind","path","contract","count","probability","seed","ms","status","retry_after"}
               kinds: \(Fault.Kind.allCases.map(\.rawValue).joined(separator: " "))
          GET, DELETE /sim/faults[?id=]       POST /sim/clock {"advance_ms"}      POST /sim/sessions/expire
          POST /sim/accounts {"username","password"}     POST /sim/bags/forget {"label"}
          POST /sim/keys (one object, an array or JSON lines)     POST /sim/keys/revoke|disable|enable {"kid"}
          POST /sim/gateway-keys {"gateway","key"}       POST /sim/bearers {"gateway","token"}
          POST /sim/settings {"variant","contract","authentication","csrf","cookie_name","strict_child_labels",
               "session_in_cookie","rate_limit_as_500","full_first","logins_per_hour","requests_per_minute", …}

        Example: a backend with one account that loses every tenth answer after the commit
          tracetrack-sim --listen 127.0.0.1:8471 --account dock7:secret --print-events &
          curl -d '{"kind":"lost","probability":0.1,"seed":7}' http://127.0.0.1:8471/sim/faults
          curl http://127.0.0.1:8471/sim/state

        """
}

/// What the command line says.
struct Options {
    var settings = SimulatorSettings()
    var keyFiles: [String] = []
    var gatewayKeys: [(gateway: String, key: [UInt8])] = []
    var bearers: [(gateway: String, token: String)] = []
    var wantsHelp = false

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        var listen = WebServerSettings(port: 8471)
        var plain: [WebServerSettings] = []
        var certificate: String?
        var key: String?
        var authority: String?
        while let option = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else { throw SimulatorError("\(option) needs a value") }
                return value
            }
            func pair() throws -> (String, String) {
                let parts = try value().split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2, !parts[0].isEmpty else { throw SimulatorError("\(option) wants NAME:VALUE") }
                return (String(parts[0]), String(parts[1]))
            }
            func choice<T>(_ make: (String) -> T?, _ words: String) throws -> T {
                guard let made = make(try value()) else { throw SimulatorError("\(option) must be one of \(words)") }
                return made
            }
            switch option {
            case "--listen": listen = try choice(Self.address, "HOST:PORT with a numeric host")
            case "--plain": plain.append(try choice(Self.address, "HOST:PORT with a numeric host"))
            case "--db": settings.database = try value()
            case "--durable": settings.isDurable = true
            case "--contract": settings.contract = try choice(SimulatorSettings.Contract.init, "web, devices, both")
            case "--variant": settings.variant = try choice(WebVariant.named, "R1, R2, R3")
            case "--account":
                let (username, password) = try pair()
                settings.accounts.append((username, password))
            case "--keys": keyFiles.append(try value())
            case "--auth":
                settings.authentication = try choice(
                    SimulatorSettings.DeviceAuthentication.init, "none, signature, bearer")
            case "--gateway-key":
                let (gateway, text) = try pair()
                guard let key = Base64URL.decode(text), !key.isEmpty else {
                    throw SimulatorError("\(option) wants the key in base64url without padding")
                }
                gatewayKeys.append((gateway, key))
            case "--bearer": bearers.append(try pair())
            case "--logins-per-hour": settings.limits.loginsPerHour = try choice({ Int($0) }, "a number")
            case "--tls-cert": certificate = try value()
            case "--tls-key": key = try value()
            case "--client-ca": authority = try value()
            case "--print-events": settings.printEvent = { SimulatorCommand.say($0 + "\n", to: 1) }
            case "--help", "-h": wantsHelp = true
            default: throw SimulatorError("unknown option \(Safe.text(option))")
            }
        }
        switch (certificate, key) {
        case (let certificate?, let key?):
            listen.tls = .init(certificateFile: certificate, keyFile: key, clientAuthorityFile: authority)
        case (nil, nil):
            guard authority == nil else { throw SimulatorError("--client-ca needs --tls-cert and --tls-key") }
        default: throw SimulatorError("--tls-cert and --tls-key go together")
        }
        settings.listeners = [listen] + plain
    }

    private static func address(_ text: String) -> WebServerSettings? {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (0...65_535).contains(port), colon > text.startIndex
        else { return nil }
        return WebServerSettings(host: String(text[..<colon]), port: port)
    }
}

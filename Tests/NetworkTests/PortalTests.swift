import Glibc
import JSON
import TestSupport
import Testing

/// Networks that answer in the backend's place, and networks that say nothing.
@Suite(.serialized, .timeLimit(.minutes(10))) struct PortalTests {
    @Test(arguments: ["tracetrack-devices", "tracetrack-web"], [Trouble.portalPage, .portalRedirect, .portal511])
    func `what a captive portal answers is no verdict`(contract: String, portal: Trouble) async throws {
        let (under, report) = try await offPool {
            try withTemporaryDirectory { directory in
                let (dock, proxy) = try Self.dock(directory, contract, portal)
                defer { proxy.close() }
                dock.waitForWorkers()
                try dock.wait("the portal's answer to be heard") {
                    try proxy.pages >= 1 && (dock.uplink()?["last_error"]?.string ?? "") != ""
                }
                let status = try dock.status()
                proxy.behave(.none)
                // What a person does who has signed in at the portal; else it takes five minutes.
                try dock.command(["uplink", "resume", "tracetrack"])
                return (status, try DockReport(dock))
            }
        }
        #expect(under?["uplinks"]?.array?.first?["accepted"]?.integer == 0)
        #expect(under?["spool"]?["waiting"]?.integer == 18)
        #expect(under?["spool"]?["rejected"]?.integer == 0 && under?["spool"]?["held"]?.integer == 0)
        #expect(report.acknowledged.count == 18)
        #expect(report.problems(once: contract == "tracetrack-devices") == [])
    }

    @Test(
        arguments: ["tracetrack-devices", "tracetrack-web"],
        [Trouble.stall, .reset, .stallAnswers, .halfClose, .portalPage])
    func `a daemon that cannot get through keeps quiet`(contract: String, trouble: Trouble) async throws {
        let (cpu, connections) = try await offPool {
            try withTemporaryDirectory { directory in
                let (dock, proxy) = try Self.dock(directory, contract, trouble)
                defer { proxy.close() }
                dock.waitForWorkers()
                try dock.wait("an attempt") { proxy.connections >= 1 }
                // The command that asks for it is not the daemon's own work.
                let before = (try Self.cpuMilliseconds(dock.daemonProcess), proxy.connections)
                pause(milliseconds: 3000)
                return (
                    try Self.cpuMilliseconds(dock.daemonProcess) - before.0, proxy.connections - before.1
                )
            }
        }
        // Of three seconds, a build for debugging.
        #expect(cpu <= 300)
        #expect(connections <= 60)
    }

    /// A daemon with this trouble from the start, one table with three bags of five.
    private static func dock(_ directory: String, _ contract: String, _ trouble: Trouble) throws -> (Dock, CrookedProxy)
    {
        var setup = Dock.Setup(directory, contract)
        (setup.tables, setup.bags, setup.timeout) = (1, 3, "1 s")
        setup.backendPort = try freePort()
        let proxy = try CrookedProxy(to: setup.backendPort ?? 0, seed: 1)
        setup.proxyPort = proxy.port
        proxy.behave(trouble)
        let dock = try Dock(setup)
        try dock.start()
        try dock.startWorkers()
        return (dock, proxy)
    }

    /// User and system time of a process (proc(5), stat: fields 14 and 15, in hundredths of a second).
    private static func cpuMilliseconds(_ process: Int32) throws -> Int {
        let text = String(decoding: try read("/proc/\(process)/stat"), as: UTF8.self)
        // The second field is a name in parentheses, which may hold spaces.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw SetupError("/proc/\(process)/stat: \(text)")
        }
        return (user + system) * 10
    }
}

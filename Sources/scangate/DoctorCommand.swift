internal import Gateway
internal import Glibc
internal import JSON
internal import Model

enum DoctorCommand {
    static let doctor = Command(
        name: "doctor", usage: "[--json]",
        summary: "permissions, groups, clock, disk, ports: what is wrong, and how to mend it",
        details: """
            Changes nothing: it looks at files, and asks the daemon for its scanners where one runs. Each fault comes
            with the command that mends it; exit 5 where there is one.

            example: sudo scangate doctor
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        let findings: [Doctor.Finding]
        do throws(ConfigurationError) {
            let path = arguments.configurationPath
            // Nobody but root may look at all the files that it names.
            let configuration = try Configuration.load(path: path, looksAtFiles: geteuid() == 0)
            findings = await Doctor.examine(configuration) { command async throws(CommandError) in
                try CommandSession(configurationAt: path).ask(ControlRequest(command))
            }
        } catch { findings = Doctor.examine(error) }
        if arguments.has("json") { printJSON(findings) } else { printText(findings) }
        let faults = findings.count { !$0.isGood }
        guard faults == 0 else {
            throw CommandError("\(faults) of \(findings.count) checks found a fault", exit: .unhealthy)
        }
    }

    private static func printText(_ findings: [Doctor.Finding]) {
        for finding in findings {
            Output.line(
                "\(finding.isGood ? "ok   " : "FAULT")  \(finding.check): \(Safe.text(finding.text, limit: 1000))")
            if !finding.mend.isEmpty { Output.line("       mend: \(Safe.text(finding.mend, limit: 1000))") }
        }
    }

    private static func printJSON(_ findings: [Doctor.Finding]) {
        var json = JSONWriter()
        json.object {
            $0.member("ok", findings.allSatisfy(\.isGood))
            $0.key("findings")
            $0.array {
                for finding in findings {
                    $0.object {
                        $0.member("check", finding.check)
                        $0.member("ok", finding.isGood)
                        $0.member("text", finding.text)
                        $0.member("mend", finding.mend)
                    }
                }
            }
        }
        Output.line(String(decoding: json.bytes, as: UTF8.self))
    }
}

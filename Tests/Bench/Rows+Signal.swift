internal import Glibc
internal import Posix

/// What the operator waits for besides the scanner's own answer.
enum SignalRows {
    /// One scan at a time: the scanner's answer, and the first byte at a light, after the same commit.
    static func light(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "signal")
        let (port, lightPort) = (site.directory + "/port", site.directory + "/light")
        let (terminal, light) = (try Terminal(port), try Terminal(lightPort))
        try site.write(
            uplink: """
                [[signal]]
                kind = "light"
                device = "\(lightPort)"
                colours = [{ name = "green", on = "+", off = "-" }]
                pattern = { stored-offline = "green:10", bag-complete = "green:10" }
                """)
        _ = try await site.add(ports: [port])
        let gateway = try await LocalGateway(site, lanes: 1)
        let (scanner, lit) = try await blocking {
            let labels = Labels(lanes: 1)
            var (scanner, lit): ([Double], [Double]) = ([], [])
            pause(ms: 200)
            for number in 0..<600 {
                let start = nowMs()
                try terminal.scan(labels.label(number).bytes)
                guard try terminal.answer() else { throw BenchError("a scan was refused") }
                let answered = nowMs() - start
                _ = try light.answer()
                if number >= 100 {
                    scanner.append(answered)
                    lit.append(nowMs() - start)
                }
                // The pattern ends.
                pause(ms: 15)
                try light.discardAnswers()
            }
            return (scanner, lit)
        }
        try await gateway.stop()
        var row = Row(name: "signal", title: "scan line read -> first byte at a light, beside the scanner's own answer")
        for (name, fraction) in [("p50", 0.5), ("p99", 0.99)] {
            let (mine, theirs) = (Order.value(lit, at: fraction), Order.value(scanner, at: fraction))
            row.add(name, "ms", mine, bare: theirs, target: "answer + 20 ms", met: mine <= theirs + 20)
        }
        row.notes.append("\(lit.count) scans; bare is the scanner's 0x06, which is written just before")
        return row
    }
}

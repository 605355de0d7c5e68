internal import Gateway
internal import Model

enum SimulateCommand {
    static let simulate = Command(
        name: "simulate",
        usage: "--port PATH [--bags N] [--children N] [--rate N] [--first N] [--record FILE] [--no-ack]",
        summary: "a pseudo-terminal scanner that scans bags, for demos and load",
        details: """
            Makes a pseudo-terminal, links PATH to it, and scans like a worker: a bag, its children, the next bag. Register
            it with: scangate device add NAME --port PATH --ack. A scan that is refused or not answered within two
            seconds is scanned again; --no-ack does not wait for answers.
            --record FILE  appends a line an acknowledged scan: label, then its bag
            --first N      the number of the first bag (default 1); children are numbered after it

            example: scangate simulate --port /tmp/scanner-1 --bags 3 --children 5 --rate 20
            """,
        options: [
            .value("port"), .value("bags"), .value("children"), .value("rate"), .value("first"), .value("record"),
            .flag("no-ack"),
        ]
    ) { arguments in
        _ = try arguments.operands()
        guard let port = arguments["port"] else { throw CommandError("--port is missing", exit: .usage) }
        func number(_ name: String, _ standard: Int, _ range: ClosedRange<Int>) throws(CommandError) -> Int {
            guard let text = arguments[name] else { return standard }
            guard let value = Int(text), range.contains(value) else {
                throw CommandError(
                    "--\(name) \(Safe.text(text)): write a number from \(range.lowerBound) to \(range.upperBound)",
                    exit: .usage)
            }
            return value
        }
        let worker = SimulatedScanner(
            port: port, bags: try number("bags", 3, 1...100_000), children: try number("children", 5, 0...30),
            rate: try number("rate", 10, 1...10_000), first: try number("first", 1, 0...99_999),
            recordPath: arguments["record"], waitsForAnswers: !arguments.has("no-ack"))
        let summary = try worker.run()
        if arguments.has("json") {
            Output.line(summary.json)
        } else {
            Output.line(
                "scanned \(summary.scanned), acknowledged \(summary.acknowledged), scanned again \(summary.repeated)")
        }
    }
}

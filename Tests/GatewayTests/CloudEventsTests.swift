import JSON
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4)))
struct CloudEventsTests {
    @Test func `kept scans are exported as CloudEvents, one a line, each with its scan`() async throws {
        try await withGateway { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            for label in ["SB10000", childLabel(1)] { #expect(try await scanner.scan(label) == TestScanner.stored) }
            let (file, said) = (bench.file, bench.directory + "/said")
            let code = try await onThread {
                try ChildProcess(
                    "scangate", ["scans", "export", "--format", "cloudevents", "--config", file], output: said
                ).wait()
            }
            #expect(code == 0)
            let lines = try TestSupport.read(said).split(separator: 10).map { try JSONValue.parse(Array($0)) }
            #expect(lines.count == 2)
            for event in lines {
                #expect(event["specversion"]?.string == "1.0" && event["type"]?.string == "scangate.scan.v1")
                #expect(event["source"]?.string == "/scangate/dock-7/scanner-1")
                #expect(event["id"]?.string == event["data"]?["scan"]?["id"]?.string && event["id"] != nil)
                #expect(event["time"]?.string?.hasSuffix("Z") == true)
                // Attribute names: lower-case letters and digits only (CloudEvents 1.0.2, 3.1).
                let names = event.object?.map(\.key) ?? []
                #expect(names.allSatisfy { $0.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) } })
            }
            #expect(lines.map { $0["subject"]?.string } == ["SB10000", "1000001"])
            #expect(lines.map { $0["sequence"]?.string } == ["0000000000000001", "0000000000000002"])
        }
    }
}

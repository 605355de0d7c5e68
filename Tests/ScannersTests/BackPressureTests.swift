import Glibc
import Model
import Posix
import TestSupport
import Testing

@testable import Scanners

/// A scanner that gives what it had stored while the disk is slow.
@Suite(.timeLimit(.minutes(4))) struct BackPressureTests {
    /// Types as the terminal takes it, and never waits.
    private func type(_ bytes: ArraySlice<UInt8>, into descriptor: Int32) -> Int {
        max(0, bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) })
    }

    @Test func `a port is not read while too many of its scans wait for the disk, and loses none of them`() async throws
    {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let descriptor = terminal.scanner.raw
            #expect(fcntl(descriptor, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
            let sink = TestSink { _ in nil }
            let labels = (0..<4000).map { "SB\(10_000 + $0)" }
            var left = labels.flatMap { Array("\($0)\r".utf8) }[...]
            try await reading(terminal.path, poll, sink) {
                try await sink.waitForConnection()
                var (got, mostHeld): ([String], Int) = ([], 0)
                var unanswered: [TestSink.Reply] = []
                while got.count < labels.count {
                    left = left.dropFirst(type(left, into: descriptor))
                    // The first 512 have to come before any is answered.
                    got.append(try await sink.nextLabel())
                    unanswered += sink.takeHeld()
                    mostHeld = max(mostHeld, unanswered.count)
                    guard got.count >= UnsettledScans.most else { continue }
                    for reply in unanswered { reply(.stored) }
                    unanswered = []
                }
                #expect(got == labels)
                #expect(mostHeld < UnsettledScans.most + 960 / 8)
            }
        }
    }

    @Test func `silence while a port is not read ends no scan`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink { _ in nil }
            try await reading(terminal.path, poll, sink) {
                try await sink.waitForConnection()
                var replies: [TestSink.Reply] = []
                // 8 bytes each, so that the read after which nothing more is read ends in the middle of a scan.
                for number in 0..<(UnsettledScans.most - 60) {
                    try terminal.type("S\(100_000 + number)\r")
                    _ = try await sink.nextLabel()
                }
                try terminal.type((0..<100).map { "SB-\(1_000_000 + $0)\r" }.joined() + "REST")
                for _ in 0..<60 { _ = try await sink.nextLabel() }
                // Longer than the two seconds after which half a scan is dropped.
                try await ContinuousClock().sleep(for: .milliseconds(2500))
                replies += sink.takeHeld()
                for reply in replies { reply(.stored) }
                for number in 60..<100 { #expect(try await sink.nextLabel() == "SB-\(1_000_000 + number)") }
                try terminal.type("\r")
                #expect(try await sink.nextLabel() == "REST")
            }
        }
    }
}

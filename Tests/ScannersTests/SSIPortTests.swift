import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A Zebra scanner on a pseudo-terminal, on a thread of its own: sends each label until it is acknowledged, over a line
/// that damages packets and loses acknowledgements.
private final class ScriptedScanner: Sendable {
    /// What it has seen.
    struct Account: Sendable {
        var acknowledged: [String] = []
        var givenUp: [String] = []
        var repetitions = 0
        var damaged = 0
        var lostAcknowledgements = 0
        var resendRequests = 0
    }

    private let descriptor: Int32
    private let labels: [String]
    private let seed: UInt64
    /// How long it waits for an answer.
    private let timeoutMs: Int64
    /// How many packets and acknowledgements of a hundred the line damages or loses.
    private let faults: Int
    private let account = Mutex(Account())
    private let isDone = Mutex(false)

    init(_ descriptor: Int32, labels: [String], seed: UInt64 = 1, timeoutMs: Int64 = 60_000, faults: Int = 0) {
        (self.descriptor, self.labels, self.seed) = (descriptor, labels, seed)
        (self.timeoutMs, self.faults) = (timeoutMs, faults)
        Threads.run(name: "scanner") { [self] in
            work()
            isDone.withLock { $0 = true }
        }
    }

    /// What it has seen, once it has sent all.
    func finished() async throws -> Account {
        try await eventually("the scanner has sent all its labels", within: .seconds(200)) { isDone.withLock { $0 } }
        return account.withLock { $0 }
    }

    private func work() {
        var generator = SeededGenerator(seed: seed)
        var reader = SSIReader(SSITiming())
        for (number, label) in labels.enumerated() {
            // Long labels in several packets.
            var rest = Array(label.utf8)[...]
            repeat {
                let part = rest.prefix(100)
                rest = rest.dropFirst(100)
                var packet = SSIPacket(SSIPacket.Opcode.decodeData, [UInt8(number % 3 + 1)] + part)
                packet.source = SSIPacket.Source.decoder
                packet.status = rest.isEmpty ? 0 : 2
                guard deliver(packet, &reader, &generator) else {
                    account.withLock { $0.givenUp.append(label) }
                    return
                }
            } while !rest.isEmpty
            account.withLock { $0.acknowledged.append(label) }
        }
    }

    /// Sends until the answer comes; gives up after 20 times.
    private func deliver(_ packet: SSIPacket, _ reader: inout SSIReader, _ generator: inout SeededGenerator) -> Bool {
        var packet = packet
        for attempt in 0..<20 {
            if attempt > 0 { packet.status |= 1 }
            var bytes = packet.bytes
            if Int.random(in: 0..<100, using: &generator) < faults {
                // Not the length: what it does to the line is the same, and takes longer.
                bytes[Int.random(in: 4..<bytes.count, using: &generator)] ^= UInt8.random(
                    in: 1...255, using: &generator)
                account.withLock { $0.damaged += 1 }
            }
            write(bytes, &generator)
            if attempt > 0 { account.withLock { $0.repetitions += 1 } }
            switch answer(&reader, &generator) {
            case .acknowledged: return true
            case .resend, .none: break
            }
        }
        return false
    }

    private enum Answer { case acknowledged, resend, none }

    private func answer(_ reader: inout SSIReader, _ generator: inout SeededGenerator) -> Answer {
        // From the packet on, whatever else is said meanwhile.
        let end = ContinuousClock.now + .milliseconds(timeoutMs)
        while true {
            let left = (end - .now).milliseconds
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&ready, 1, Int32(left)) > 0 else { return .none }
            var buffer = [UInt8](repeating: 0, count: 512)
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return .none }
            // The reader expects what a terminal makes of bytes; this end is none.
            // The byte that wakes it up is no packet.
            let bytes = reader.patience == nil ? buffer[..<count].drop { $0 == 0 } : buffer[..<count]
            let marked = bytes.flatMap { $0 == 0xFF ? [0xFF, 0xFF] : [$0] }
            for packet in reader.push(marked[...]) {
                switch packet.opcode {
                case SSIPacket.Opcode.acknowledge:
                    if Int.random(in: 0..<100, using: &generator) < faults {
                        account.withLock { $0.lostAcknowledgements += 1 }
                    } else {
                        return .acknowledged
                    }
                case SSIPacket.Opcode.refuse:
                    account.withLock { $0.resendRequests += 1 }
                    return .resend
                default:
                    var reply = SSIPacket(SSIPacket.Opcode.acknowledge)
                    reply.source = SSIPacket.Source.decoder
                    write(reply.bytes, &generator)
                }
            }
        }
    }

    /// In two pieces: a serial line has no bounds.
    private func write(_ bytes: [UInt8], _ generator: inout SeededGenerator) {
        let cut = Int.random(in: 0...bytes.count, using: &generator)
        _ = bytes[..<cut].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        _ = bytes[cut...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SSIPortTests {
    /// For tests in which nothing is lost, however slow the machine.
    private static let patient = SSITiming(waitNs: 60_000_000_000, repetitionNs: 600_000_000_000)

    @Test func `200 labels over a line that damages packets and loses acknowledgements: each once, in order`()
        async throws
    {
        let labels = (0..<200).map { number in
            "SB\(10_000 + number)" + (number % 10 == 0 ? String(repeating: "-\(number)", count: 60) : "")
        }
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            var settings = SerialSettings()
            settings.language = .ssi
            let port = ScannerPort(
                route: ScannerRoute(try device("zebra")), path: terminal.path, poll: poll, sink: sink, clock: .system
            ) { [settings] in
                // The scanner waits half as long as one has as shipped, and never gives up.
                SSIDriver(
                    settings, clock: .system,
                    timing: SSITiming(
                        waitNs: 1_000_000_000, crossingNs: 900_000_000, repetitionNs: 60_000_000_000,
                        partNs: 20_000_000_000))
            }
            try await port.start()
            try await sink.waitForConnection()
            let scanner = ScriptedScanner(terminal.scanner.raw, labels: labels, seed: 7, timeoutMs: 1000, faults: 6)
            var read: [String] = []
            let account = try await scanner.finished()
            await port.stop()
            sink.finish()
            for await happening in sink.happenings {
                if case .reading(_, let bytes) = happening { read.append(String(decoding: bytes, as: UTF8.self)) }
            }
            #expect(read == labels)
            #expect(account.acknowledged == labels && account.givenUp == [])
            #expect(account.damaged > 5 && account.lostAcknowledgements > 5 && account.resendRequests > 5)
            #expect(account.repetitions > 10)
        }
    }

    @Test func `a label of no device of a base is answered, so that it does not come again for ever`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            var settings = SerialSettings()
            settings.language = .ssi
            let route = ScannerRoute(branches: [.init(prefix: [0x31], device: try device("one"))])
            let port = ScannerPort(route: route, path: terminal.path, poll: poll, sink: sink, clock: .system) {
                [settings] in SSIDriver(settings, clock: .system, timing: Self.patient)
            }
            try await port.start()
            try await sink.waitForConnection()
            let scanner = ScriptedScanner(terminal.scanner.raw, labels: ["2A", "1B"])
            // On a busy machine the scanner's answer to the opening may be late, which is told.
            let drop = try await sink.next { if case .event(_, .dropped(let reason)) = $0 { reason } else { nil } }
            #expect(drop == .affix)
            #expect(try await sink.nextLabel() == "B")
            let account = try await scanner.finished()
            await port.stop()
            #expect(account.acknowledged == ["2A", "1B"])
        }
    }

    @Test func `nothing is acknowledged before it is settled`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink { _ in nil }
            var settings = SerialSettings()
            settings.language = .ssi
            settings.flow = .rtscts
            let port = ScannerPort(
                route: ScannerRoute(try device("zebra")), path: terminal.path, poll: poll, sink: sink, clock: .system
            ) { [settings] in SSIDriver(settings, clock: .system, timing: Self.patient) }
            try await port.start()
            try await sink.waitForConnection()
            // The opening's two commands.
            for opcode in [SSIPacket.Opcode.paramSend, SSIPacket.Opcode.scanEnable] {
                let length = try await terminal.answer()
                var bytes = [length]
                for _ in 0..<length + 1 { bytes.append(try await terminal.answer()) }
                #expect(bytes[1] == opcode)
                var reply = SSIPacket(SSIPacket.Opcode.acknowledge)
                reply.source = SSIPacket.Source.decoder
                try terminal.type(reply.bytes)
            }
            var packet = SSIPacket(SSIPacket.Opcode.decodeData, [3, 0x41])
            packet.source = SSIPacket.Source.decoder
            try terminal.type(packet.bytes)
            #expect(try await sink.nextLabel() == "A")
            packet.status = 1
            try terminal.type(packet.bytes)
            // Another label, which is taken only after the one before was passed over.
            packet.data = [3, 0x42]
            packet.status = 0
            try terminal.type(packet.bytes)
            #expect(try await sink.nextLabel() == "B")
            // Whatever the repetition was answered with has been written by now.
            terminal.expectNoAnswer()
            let replies = sink.takeHeld()
            #expect(replies.count == 2)
            // Of the first label, which its scanner has given up: no acknowledgement that would be the second one's.
            replies.first?(.stored)
            #expect(try await [terminal.answer(), terminal.answer()] == [5, SSIPacket.Opcode.beep])
            for _ in 0..<5 { _ = try await terminal.answer() }
            replies.last?(.stored)
            #expect(try await [terminal.answer(), terminal.answer()] == [4, SSIPacket.Opcode.acknowledge])
            await port.stop()
        }
    }
}

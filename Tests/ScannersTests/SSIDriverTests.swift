import Model
import Posix
import TestSupport
import Testing

@testable import Scanners

/// A driver whose time the test moves, and the bytes of a scanner.
private final class Bench {
    let clock = ManualClock()
    let driver: SSIDriver
    var scans: [String] = []

    init(_ change: (inout SerialSettings) -> Void = { _ in }) {
        var settings = SerialSettings()
        settings.language = .ssi
        change(&settings)
        driver = SSIDriver(settings, clock: clock.source)
    }

    /// Through the exchange that comes with every opening.
    func start() throws {
        _ = try driver.begin(-1)
        pass(.milliseconds(20))
        _ = send(SSIPacket.Opcode.acknowledge)
        _ = send(SSIPacket.Opcode.acknowledge)
        #expect(driver.patience == nil)
    }

    func packet(_ opcode: UInt8, _ data: [UInt8], _ status: UInt8) -> [UInt8] {
        var packet = SSIPacket(opcode, data)
        (packet.source, packet.status) = (SSIPacket.Source.decoder, status)
        return packet.bytes
    }

    func raw(_ bytes: [UInt8]) -> [ScannerOutput] {
        let marked = bytes.flatMap { $0 == 0xFF ? [0xFF, 0xFF] : [$0] }
        return (try? driver.received(marked[...], from: -1)) ?? []
    }

    func send(_ opcode: UInt8, _ data: [UInt8] = [], status: UInt8 = 0) -> [ScannerOutput] {
        raw(packet(opcode, data, status))
    }

    func decode(_ label: String, type: UInt8 = 0x03, status: UInt8 = 0) -> [ScannerOutput] {
        send(SSIPacket.Opcode.decodeData, [type] + Array(label.utf8), status: status)
    }

    func damaged(_ label: String, status: UInt8 = 0) -> [ScannerOutput] {
        var bytes = packet(SSIPacket.Opcode.decodeData, [3] + Array(label.utf8), status)
        bytes[6] ^= 1
        return raw(bytes) + pass(.milliseconds(50))
    }

    /// Lets time pass, as the port does: whenever the driver asks for it.
    @discardableResult func pass(_ duration: Duration) -> [ScannerOutput] {
        var out: [ScannerOutput] = []
        var left = duration
        while let patience = driver.patience, patience <= left {
            clock.advance(by: patience)
            left -= patience
            out += driver.fellSilent()
        }
        clock.advance(by: left)
        return out
    }
}

private let ack = ScannerOutput.write([0x04, 0xD0, 0x04, 0x00, 0xFF, 0x28])
private let resend = ScannerOutput.write([0x05, 0xD1, 0x04, 0x00, 0x01, 0xFF, 0x25])
private func beep(_ code: UInt8) -> ScannerOutput { .write(SSIPacket(SSIPacket.Opcode.beep, [code]).bytes) }
private func scan(_ label: String, _ symbology: Symbology = .code128) -> ScannerOutput {
    .scan(bytes: Array(label.utf8), symbology: symbology)
}

@Suite struct SSIDriverTests {
    @Test func `an opening wakes the scanner, asks for packets, and enables it, one after the other`() throws {
        let bench = Bench()
        #expect(try bench.driver.begin(-1) == [.write([0])])
        #expect(bench.pass(.milliseconds(20)) == [.write([0x07, 0xC6, 0x04, 0x00, 0xFF, 0xEE, 0x01, 0xFD, 0x41])])
        #expect(bench.send(SSIPacket.Opcode.acknowledge) == [.write([0x04, 0xE9, 0x04, 0x00, 0xFF, 0x0F])])
        #expect(bench.send(SSIPacket.Opcode.acknowledge) == [])
        #expect(bench.driver.patience == nil)
    }

    @Test func `a line with RTS needs no waking`() throws {
        let bench = Bench { $0.flow = .rtscts }
        #expect(try bench.driver.begin(-1) == [.write([0x07, 0xC6, 0x04, 0x00, 0xFF, 0xEE, 0x01, 0xFD, 0x41])])
    }

    @Test func `a label is acknowledged when it is settled and not before, then comes the signal`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.decode("SB00001") == [scan("SB00001")])
        #expect(bench.driver.settled(0, .stored) == [ack, beep(0)])
        #expect(bench.decode("http://x", type: 0x1C) == [scan("http://x", .qr)])
        #expect(bench.driver.settled(1, .refused("no")).first == ack)
    }

    @Test func `the five signals differ, and without a scan none of them acknowledges anything`() throws {
        var heard: Set<[[UInt8]]> = []
        for signal in Signal.allCases {
            let bench = Bench()
            try bench.start()
            _ = bench.decode("A")
            var out = try #require(bench.driver.give(signal))
            for _ in 0..<20 { out += bench.send(SSIPacket.Opcode.acknowledge) + bench.pass(.seconds(1)) }
            #expect(!out.contains(ack))
            heard.insert(out.compactMap { if case .write(let bytes) = $0 { bytes } else { nil } })
            // Whatever was lit is off at the end.
            #expect(out.last == .write([0x05, 0xE8, 0x04, 0x00, 0x01, 0xFF, 0x0E]))
        }
        #expect(heard.count == Signal.allCases.count)
    }

    @Test func `configured feedback takes the place of the beep, and an empty one is silence`() throws {
        let bench = Bench { $0.signals = [.stored: Answer([7]), .duplicate: Answer([UInt8]())] }
        try bench.start()
        _ = bench.decode("A")
        #expect(bench.driver.settled(0, .stored) == [ack, .write([7])])
        _ = bench.decode("B")
        #expect(bench.driver.settled(1, .accepted(.duplicate)) == [ack])
        #expect(bench.driver.give(.duplicate) == nil)
    }

    @Test func `a packet that comes again because its acknowledgement was lost is no second scan`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        _ = bench.driver.settled(0, .stored)
        bench.pass(.seconds(2))
        #expect(bench.decode("A", status: 1) == [ack])
        bench.pass(.seconds(2))
        #expect(bench.decode("A", status: 1) == [ack])
        #expect(bench.decode("B") == [scan("B")])
    }

    @Test func `a packet that comes again and was never taken is a scan`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        _ = bench.driver.settled(0, .stored)
        #expect(bench.decode("B", status: 1) == [scan("B")])
    }

    @Test
    func `a slow disk: the packet comes again and again, is one scan, and is acknowledged only when it is stored`()
        throws
    {
        let bench = Bench()
        try bench.start()
        #expect(bench.decode("A") == [scan("A")])
        for _ in 0..<2 {
            bench.pass(.seconds(2))
            #expect(bench.decode("A", status: 1) == [])
        }
        bench.pass(.milliseconds(1500))
        #expect(bench.driver.settled(0, .stored) == [ack, beep(0)])
    }

    @Test func `a scanner that has given up is not sent an acknowledgement that another label would get`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        bench.pass(.seconds(7))
        #expect(bench.driver.settled(0, .stored) == [beep(0)])
        let bench2 = Bench()
        try bench2.start()
        _ = bench2.decode("A")
        bench2.pass(.seconds(1))
        #expect(bench2.decode("B") == [scan("B")])
        #expect(!bench2.driver.settled(0, .stored).contains(ack))
        #expect(bench2.driver.settled(1, .stored).contains(ack))
        #expect(bench2.driver.settled(1, .stored).contains(ack) == false)
    }

    @Test func `settled long after, it is acknowledged when it comes again`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        bench.pass(.seconds(5))
        #expect(!bench.driver.settled(0, .stored).contains(ack))
        bench.pass(.seconds(4))
        #expect(bench.decode("A", status: 1) == [ack])
    }

    @Test func `a repetition that crosses its acknowledgement on the line gets no second one`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        bench.pass(.milliseconds(1950))
        #expect(bench.driver.settled(0, .stored).first == ack)
        bench.pass(.milliseconds(60))
        #expect(bench.decode("A", status: 1) == [])
        // Should the acknowledgement have been lost after all, the next repetition gets one.
        bench.pass(.seconds(2))
        #expect(bench.decode("A", status: 1) == [ack])
    }

    @Test func `a damaged packet is asked for again twice, then dropped`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.damaged("A") == [resend])
        #expect(bench.damaged("A", status: 1) == [resend])
        #expect(bench.damaged("A", status: 1) == [.dropped(.checksum)])
        #expect(bench.decode("A", status: 1) == [scan("A")])
        #expect(bench.damaged("B") == [resend])
        #expect(bench.decode("B", status: 1) == [scan("B")])
    }

    @Test func `a damaged packet that does not come again is counted as dropped`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.damaged("A") == [resend])
        #expect(bench.pass(.seconds(4)) == [.dropped(.checksum)])
        #expect(bench.driver.patience == nil)
    }

    @Test func `the same label twice, the second one damaged at first, is two scans`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        _ = bench.driver.settled(0, .stored)
        bench.pass(.seconds(1))
        #expect(bench.damaged("A") == [resend])
        #expect(bench.decode("A", status: 1) == [scan("A")])
    }

    @Test func `a repetition that was damaged is still a repetition`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("A")
        _ = bench.driver.settled(0, .stored)
        bench.pass(.seconds(2))
        #expect(bench.damaged("A", status: 1) == [resend])
        bench.pass(.milliseconds(600))
        #expect(bench.decode("A", status: 1) == [ack])
    }

    @Test func `a long label is joined; its packets are acknowledged at once, the last one when it is stored`() throws {
        let bench = Bench()
        try bench.start()
        let part = String(repeating: "x", count: 200)
        #expect(bench.decode(part, status: 2) == [ack])
        #expect(bench.decode("\u{0}" + part, status: 2) == [ack])
        #expect(bench.decode("end") == [scan(part + "\u{0}" + part + "end")])
        #expect(bench.driver.settled(0, .stored).first == ack)
        #expect(bench.decode("B") == [scan("B")])
    }

    @Test func `a part whose acknowledgement was lost, or which was damaged, is in the label once`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.decode("one", status: 2) == [ack])
        bench.pass(.seconds(2))
        #expect(bench.decode("one", status: 3) == [ack])
        #expect(bench.damaged("two", status: 2) == [resend])
        #expect(bench.decode("two", status: 3) == [ack])
        #expect(bench.damaged("two", status: 0) == [resend])
        #expect(bench.decode("two", status: 1) == [scan("onetwotwo")])
    }

    @Test func `a label that stops in the middle is a fragment, and what is left of it is no label`() throws {
        let bench = Bench()
        try bench.start()
        _ = bench.decode("one", status: 2)
        #expect(bench.pass(.seconds(6)) == [.dropped(.fragment)])
        #expect(bench.decode("two", status: 3) == [ack, .dropped(.fragment)])
        #expect(bench.decode("three", status: 0) == [ack])
        #expect(bench.decode("B") == [scan("B")])
        _ = bench.decode("one", status: 2)
        #expect(bench.pass(.seconds(6)) == [.dropped(.fragment)])
        #expect(bench.decode("C") == [scan("C")])
        _ = bench.decode("one", status: 2)
        #expect(bench.driver.ended() == [.dropped(.fragment)])
    }

    @Test func `the longest label is taken, a longer one is dropped to its end, and the next is read`() throws {
        for extra in [0, 1, 100_000] {
            let bench = Bench()
            try bench.start()
            var left = 8192 + extra
            var out: [ScannerOutput] = []
            while left > 0 {
                let count = min(left, 250)
                left -= count
                out = bench.decode(String(repeating: "x", count: count), status: left > 0 ? 2 : 0)
            }
            #expect(
                out == (extra == 0 ? [scan(String(repeating: "x", count: 8192))] : [ack, .dropped(.tooLong)]),
                "\(extra) more")
            #expect(bench.decode("B") == [scan("B")])
        }
    }

    @Test func `prefix and suffix are taken off, and a label without them is dropped and acknowledged`() throws {
        let bench = Bench { ($0.prefix, $0.suffix) = ([0x3C], [0x3E, 13]) }
        try bench.start()
        #expect(bench.decode("<A>\r") == [scan("A")])
        #expect(bench.decode("<A>") == [ack, .dropped(.affix)])
        #expect(bench.decode("<>\r") == [ack])
        #expect(bench.send(SSIPacket.Opcode.decodeData) == [ack])
    }

    @Test func `a command is said again where the scanner asks for it or does not answer, three times in all`() throws {
        let bench = Bench()
        _ = try bench.driver.begin(-1)
        bench.pass(.milliseconds(20))
        let again = ScannerOutput.write([0x07, 0xC6, 0x04, 0x01, 0xFF, 0xEE, 0x01, 0xFD, 0x40])
        #expect(bench.send(SSIPacket.Opcode.refuse, [1]) == [again])
        #expect(bench.pass(.seconds(2)) == [again])
        let out = bench.pass(.seconds(2))
        guard case .complaint(let text) = out.first else {
            Issue.record("\(out)")
            return
        }
        #expect(text.contains("PARAM_SEND") && text.contains("SSI"))
        #expect(out.dropFirst() == [.write([0x04, 0xE9, 0x04, 0x00, 0xFF, 0x0F])])
    }

    @Test(arguments: [(2, "bad context"), (6, "denied"), (10, "cancelled"), (77, "77")] as [(UInt8, String)])
    func `a refusal is told with its cause, once`(cause: UInt8, words: String) throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.driver.trigger(true) == [.write([0x04, 0xE4, 0x04, 0x00, 0xFF, 0x14])])
        let out = bench.send(SSIPacket.Opcode.refuse, [cause])
        guard case .complaint(let text) = out.first else {
            Issue.record("\(out)")
            return
        }
        #expect(text.contains("START_SESSION") && text.contains(words))
    }

    @Test func `the trigger is the session, or what is configured`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.driver.trigger(true) == [.write([0x04, 0xE4, 0x04, 0x00, 0xFF, 0x14])])
        _ = bench.send(SSIPacket.Opcode.acknowledge)
        #expect(bench.driver.trigger(false) == [.write([0x04, 0xE5, 0x04, 0x00, 0xFF, 0x13])])
        let other = Bench { ($0.triggerOn, $0.triggerOff) = (Answer([1]), Answer([2])) }
        try other.start()
        #expect(other.driver.trigger(true) == [.write([1])])
        #expect(other.driver.trigger(false) == [.write([2])])
    }

    @Test func `a scanner that slept is woken before it is told something`() throws {
        let bench = Bench()
        try bench.start()
        bench.pass(.seconds(1))
        #expect(bench.driver.give(.stored) == [.write([0])])
        #expect(bench.pass(.milliseconds(20)) == [beep(0)])
    }

    @Test func `events are acknowledged, batches stay with the scanner, echoes mean nothing`() throws {
        let bench = Bench()
        try bench.start()
        #expect(bench.send(SSIPacket.Opcode.event, [1]) == [ack])
        #expect(bench.send(0xD6, [1, 2, 3]) == [])
        #expect(bench.raw(SSIPacket(SSIPacket.Opcode.decodeData, [3, 0x41]).bytes) == [])
    }

    @Test func `an acknowledgement that came damaged is said again`() throws {
        let bench = Bench { $0.signals = [.stored: Answer([UInt8]())] }
        try bench.start()
        _ = bench.decode("A")
        _ = bench.driver.settled(0, .stored)
        #expect(bench.send(SSIPacket.Opcode.refuse, [1]) == [ack])
        bench.pass(.seconds(3))
        #expect(bench.send(SSIPacket.Opcode.refuse, [1]) == [])
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `whatever comes, it neither crashes nor grows, and the next label is read`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = Bench()
        try bench.start()
        for round in 0..<500 {
            var bytes: [UInt8] = []
            for _ in 0..<Int.random(in: 0...300, using: &generator) {
                bytes.append(UInt8.random(in: 0...255, using: &generator))
            }
            if round % 3 == 0 {
                let status = UInt8.random(in: 0...3, using: &generator)
                bytes = bench.packet(SSIPacket.Opcode.decodeData, Array(bytes.prefix(250)), status)
            }
            _ = try bench.driver.received(bytes[...], from: -1)
            if round % 7 == 0 { _ = bench.driver.settled(round, .stored) }
            if round % 5 == 0 { _ = bench.driver.give(.refused) }
            if round % 4 != 0 { bench.pass(.milliseconds(Int.random(in: 0...900, using: &generator))) }
        }
        #expect(bench.held <= 8192 + 320 + 257 + 64)
        bench.pass(.seconds(30))
        #expect(bench.decode("SB00042") == [scan("SB00042")])
    }
}

extension Bench {
    /// What the driver keeps, in bytes and commands.
    fileprivate var held: Int {
        func size(_ value: Any, _ path: String...) -> Int {
            var at: Any? = value
            for name in path { at = at.flatMap { Mirror(reflecting: $0).descendant(name) } }
            return (at as? [UInt8])?.count ?? (at as? [SSICommands.Command])?.count ?? 1_000_000
        }
        return size(driver, "delivery", "parts") + size(driver, "reader", "bytes") + size(driver, "commands", "waiting")
    }
}

import Model
import TestSupport
import Testing

@testable import Scanners

@Suite struct SSIPacketTests {
    private static let published: [(SSIPacket, String)] = [
        (SSIPacket(SSIPacket.Opcode.startSession), "04E40400FF14"),
        (SSIPacket(SSIPacket.Opcode.stopSession), "04E50400FF13"),
        (SSIPacket(SSIPacket.Opcode.acknowledge), "04D00400FF28"),
        (SSIPacket(SSIPacket.Opcode.refuse, [1]), "05D1040001FF25"),
        (SSIPacket(SSIPacket.Opcode.beep, [0]), "05E6040000FF11"),
        (SSIPacket(SSIPacket.Opcode.ledOn, [1]), "05E7040001FF0F"),
        (SSIPacket(SSIPacket.Opcode.ledOff, [1]), "05E8040001FF0E"),
        (SSIPacket(SSIPacket.Opcode.scanEnable), "04E90400FF0F"),
        (SSIPacket(0xEA), "04EA0400FF0E"),
        (SSIPacket(0xA3), "04A30400FF55"),
        (SSIPacket(SSIPacket.Opcode.paramSend, [0xFF, 0xEE, 1]), "07C60400FFEE01FD41"),
        // A management command as a device's documentation has it.
        (SSIPacket(0x80, [0x00, 0x06, 0x20, 0x00, 0xFF, 0xFF]), "0A80040000062000FFFFFD4E"),
    ]

    @Test(arguments: published.indices) func `packets have the published bytes`(place: Int) throws {
        let (packet, hex) = Self.published[place]
        let bytes = try #require(Hex.decode(hex))
        #expect(packet.bytes == bytes)
        #expect(SSIPacket(bytes) == packet)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 0x10
            #expect(SSIPacket(damaged) == nil)
        }
    }

    @Test func `a scanner's acknowledgement is understood`() throws {
        let packet = try #require(SSIPacket([0x04, 0xD0, 0x00, 0x00, 0xFF, 0x2C]))
        #expect(packet.opcode == SSIPacket.Opcode.acknowledge && packet.source == SSIPacket.Source.decoder)
    }

    /// As the terminal gives it: real FFs doubled.
    private func marked(_ bytes: [UInt8]) -> [UInt8] { bytes.flatMap { $0 == 0xFF ? [0xFF, 0xFF] : [$0] } }

    @Test func `packets come out whatever the pieces in which they are read`() {
        let packets = Self.published.map(\.0)
        let stream = marked(packets.flatMap(\.bytes))
        for cut in 0...stream.count {
            var reader = SSIReader(SSITiming())
            #expect(reader.push(stream[..<cut]) + reader.push(stream[cut...]) == packets, "cut at \(cut)")
            #expect(reader.patience == nil)
        }
        var reader = SSIReader(SSITiming())
        #expect(stream.flatMap { reader.push([$0]) } == packets)
    }

    @Test func `after damage nothing is a packet until the line is quiet`() {
        let good = marked(SSIPacket(SSIPacket.Opcode.beep, [0]).bytes)
        let damages: [[UInt8]] = [
            [0x03], [0x05, 0xE6, 0x04, 0x00, 0x00, 0x12, 0x34], [0x05, 0xE6, 0xFF, 0x00, 0x04], [0x00],
        ]
        for damage in damages {
            var reader = SSIReader(SSITiming())
            #expect(reader.push((damage + good)[...]).isEmpty)
            #expect(reader.patience == .milliseconds(50))
            guard case .damage = reader.silence() else {
                Issue.record("no damage seen")
                continue
            }
            #expect(reader.push(good[...]).count == 1)
        }
        var reader = SSIReader(SSITiming())
        _ = reader.push(good.dropLast()[...])
        #expect(reader.patience == .milliseconds(200))
        #expect(reader.silence() == .damage(wasRepeated: false))
        #expect(reader.silence() == nil)
    }
}

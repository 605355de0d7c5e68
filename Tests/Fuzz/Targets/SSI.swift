internal import Model

@testable internal import Scanners

extension FuzzTarget {
    /// A talk with an SSI scanner: steps of raw bytes, whole packets, time that passes, and scans that are settled.
    static let ssi = FuzzTarget("ssi") { choices, bytes in
        var settings = SerialSettings()
        settings.language = .ssi
        settings.prefix = choices.one(of: [[], [2]])
        let clock = StepClock()
        let driver = SSIDriver(settings, clock: clock.source)
        var (scans, packets) = (0, 0)
        func look(_ outputs: [ScannerOutput]) throws {
            for output in outputs {
                switch output {
                case .scan(let label, _, _):
                    scans += 1
                    try require((1...SerialSettings.maximumLength).contains(label.count), "\(label.count) bytes")
                case .write(let bytes):
                    try require(bytes == [0] || SSIPacket(bytes) != nil, "it writes what is no packet: \(bytes)")
                default: break
                }
            }
        }
        try look(try driver.begin(-1))
        var script = FuzzBytes(bytes)
        // A step costs little, but there is no end to them otherwise.
        for _ in 0..<2000 where !script.isAtEnd {
            switch script.byte() {
            // b: bytes as they are.
            case UInt8(ascii: "b"): try look(try driver.received(script.take(Int(script.byte()))[...], from: -1))
            // p: a packet with its right checksum, which chance would never find.
            case UInt8(ascii: "p"):
                let (status, opcode) = (script.byte(), script.byte())
                var packet = SSIPacket(opcode, script.take(min(Int(script.byte()), 251)))
                (packet.status, packet.source) = (status, SSIPacket.Source.decoder)
                try require(SSIPacket(packet.bytes) == packet, "a packet that is not read as it was written")
                // FF is marked on the line (PARMRK).
                let line = packet.bytes.flatMap { $0 == 0xFF ? [0xFF, 0xFF] : [$0] }
                packets += 1
                try look(try driver.received(line[...], from: -1))
            // t: time passes, up to 2.5 s; the port calls when patience is over.
            case UInt8(ascii: "t"):
                let end = clock.uptimeNs + Int64(script.byte()) * 10_000_000
                for _ in 0..<100 {
                    guard let patience = driver.patience, clock.uptimeNs + patience.nanoseconds <= end else { break }
                    try require(patience >= .zero, "patience of \(patience)")
                    clock.uptimeNs += max(patience.nanoseconds, 1)
                    try look(driver.fellSilent())
                }
                clock.uptimeNs = max(clock.uptimeNs, end)
            case UInt8(ascii: "s"):
                try look(driver.settled(Int(script.byte()), Acknowledgement.stored))
            default: continue
            }
        }
        try require(scans <= packets + bytes.count / 6, "more labels than packets")
        _ = driver.ended()
    }
}

/// Time that a target moves by itself.
final class StepClock: @unchecked Sendable {
    // Of the one thread that runs the input.
    var uptimeNs: Int64 = 1_000_000_000

    var source: TimeSource {
        TimeSource(
            bootID: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11",
            now: { [self] in Moment(uptimeNs: uptimeNs, wallMs: 1_795_233_600_000, synced: true) }, sleep: { _ in })
    }
}

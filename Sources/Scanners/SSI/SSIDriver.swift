public import Model
public import Posix

/// A Zebra scanner that speaks SSI: packets with checksums, each acknowledged, and sent again where no answer comes.
///
/// A label is acknowledged once it is settled, so a scanner never forgets one that is not on stable storage. Where that
/// takes longer than the scanner waits (2 s as shipped), it sends the packet again, marked as sent before: that is known
/// for what it is, and answered when the first is. SSI has no numbers on its packets, so an acknowledgement could be taken
/// for that of another packet; `SSIDelivery` says how that is kept from happening. A label in several packets is joined
/// (multipacket option 1, the one that scanners ship with: each packet is acknowledged, the last when the label is
/// settled); at most 8 KiB.
public final class SSIDriver: ConversingDriver {
    private let settings: SerialSettings
    private let clock: TimeSource
    private var reader: SSIReader
    private var commands: SSICommands
    private var delivery: SSIDelivery
    /// When a byte came last.
    private var heardNs: Int64 = .min / 2

    /// A driver for one opening.
    public convenience init(_ settings: SerialSettings, clock: TimeSource = .system) {
        self.init(settings, clock: clock, timing: SSITiming())
    }

    init(_ settings: SerialSettings, clock: TimeSource, timing: SSITiming) {
        (self.settings, self.clock) = (settings, clock)
        (reader, commands) = (SSIReader(timing), SSICommands(timing))
        delivery = SSIDelivery(timing, prefix: settings.prefix, suffix: settings.suffix)
    }

    private var nowNs: Int64 { clock.now().uptimeNs }

    /// See `ScannerDriver`.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor { try SerialLine.open(path, settings.line) }

    /// See `ScannerDriver`: decode data in packets for as long as the scanner has power (parameter EE), and scanning on.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        wake()
        commands.add([
            .init(
                bytes: SSIPacket(SSIPacket.Opcode.paramSend, [0xFF, 0xEE, 0x01]).bytes,
                name: "PARAM_SEND (decode data in packets)"),
            .init(bytes: SSIPacket(SSIPacket.Opcode.scanEnable).bytes, name: "SCAN_ENABLE"),
        ])
        if !settings.initial.isEmpty { commands.add([.init(bytes: settings.initial, pause: .milliseconds(50))]) }
        return advance()
    }

    /// See `ScannerDriver`.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError)
        -> [ScannerOutput]
    {
        let now = nowNs
        heardNs = now
        return reader.push(bytes).flatMap { take($0, now) }
    }

    private func take(_ packet: SSIPacket, _ now: Int64) -> [ScannerOutput] {
        // Its own words that come back: the line echoes, or two hosts share it.
        guard packet.source != SSIPacket.Source.host else { return [] }
        switch packet.opcode {
        case SSIPacket.Opcode.decodeData: return delivery.take(packet, now)
        case SSIPacket.Opcode.event: return [.write(SSIPacket(SSIPacket.Opcode.acknowledge).bytes)]
        case SSIPacket.Opcode.acknowledge: return outputs(commands.acknowledged(now))
        case SSIPacket.Opcode.refuse:
            let cause = packet.data.first
            if cause == 1 && !commands.isUnderWay { return delivery.acknowledgementWasDamaged(now) }
            return outputs(commands.refused(cause, now))
        // Left unanswered: a batch of labels that a scanner kept while it was away stays with it.
        default: return []
        }
    }

    /// See `ScannerDriver`.
    public var patience: Duration? {
        let dues = [reader.patience.map { heardNs + $0.nanoseconds }, commands.dueNs, delivery.dueNs]
        return dues.compactMap { $0 }.min().map { .nanoseconds(max(0, $0 - nowNs)) }
    }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] {
        let now = nowNs
        var out: [ScannerOutput] = []
        if let quiet = reader.patience, heardNs + quiet.nanoseconds <= now,
            case .damage(let wasRepeated) = reader.silence()
        {
            out += delivery.damaged(wasRepeated: wasRepeated, now)
        }
        return out + delivery.waited(now) + advance()
    }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] {
        reader.patience != nil || delivery.isInsideMessage ? [.dropped(.fragment)] : []
    }

    /// See `ConversingDriver`.
    public func settled(_ scan: Int, _ acknowledgement: Acknowledgement) -> [ScannerOutput] {
        let answer = delivery.settled(scan, nowNs)
        commands.replaceFeedback(feedback(acknowledgement.signal))
        return answer + advance()
    }

    /// See `ConversingDriver`.
    public func give(_ signal: Signal) -> [ScannerOutput]? {
        let feedback = feedback(signal)
        guard !feedback.isEmpty else { return nil }
        wake()
        commands.replaceFeedback(feedback)
        return advance()
    }

    /// See `ConversingDriver`.
    public func trigger(_ isOn: Bool) -> [ScannerOutput]? {
        wake()
        if let configured = isOn ? settings.triggerOn : settings.triggerOff {
            commands.add(configured.steps.map { .init(bytes: $0.bytes, pause: $0.pause) })
        } else {
            let opcode = isOn ? SSIPacket.Opcode.startSession : SSIPacket.Opcode.stopSession
            commands.add([.init(bytes: SSIPacket(opcode).bytes, name: isOn ? "START_SESSION" : "STOP_SESSION")])
        }
        return advance()
    }

    private func feedback(_ signal: Signal) -> [SSICommands.Command] {
        settings.signals[signal].map { SSIFeedback.commands($0) } ?? SSIFeedback.commands(signal)
    }

    /// A scanner that saves power loses the first byte that it is sent. One that is awake, or that the RTS line wakes,
    /// needs none.
    private func wake() {
        guard settings.flow != .rtscts, nowNs - heardNs > 500_000_000 else { return }
        commands.add([.init(bytes: [0x00], pause: .milliseconds(20))])
    }

    private func advance() -> [ScannerOutput] { outputs(commands.advance(nowNs)) }

    private func outputs(_ actions: [SSICommands.Action]) -> [ScannerOutput] {
        actions.map { action in
            switch action {
            case .write(let bytes): .write(bytes)
            case .complain(let text): .complaint("SSI: " + text)
            }
        }
    }
}

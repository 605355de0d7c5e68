internal import Model

/// Labels on their way from an SSI scanner: which packet is new, which has come before, and which of them is to be
/// acknowledged when. A pure state machine; times in nanoseconds of uptime.
///
/// 1. A packet that is marked as sent before and equal to the last one is the last one: never a second scan. Unless a
///    damaged packet that was not so marked came in between: then it is that one, which nobody has taken.
/// 2. The last packet of a label is acknowledged when the label is settled, and again where it comes again after that.
/// 3. Where the rest of a label in several packets did not come in time, and then packets come that are marked as sent
///    before, those and what follows them up to the label's end are no label.
/// 4. An acknowledgement is sent only while the scanner waits for it. Not more than 2 s after the packet came last: by
///    then the scanner has sent it again, which is answered at once, or has given up and may be sending another label.
///    Not for a packet that comes again within 500 ms of its acknowledgement: the two have crossed on the line. Not for
///    a label once another one has begun.
struct SSIDelivery {
    private struct Last {
        let packet: SSIPacket
        /// The scan that it ended; nil for one that is not the label's last, or was no scan.
        let scan: Int?
        var seenNs: Int64
        var isSettled: Bool
        var acknowledgedNs: Int64?
    }

    private let timing: SSITiming
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    private var last: Last?
    private var scans = 0
    /// What has come of a label in several packets, up to 8 KiB and one packet.
    private var parts: [UInt8] = []
    private var type: UInt8?
    private var isTooLong = false
    private var partNs: Int64 = 0
    /// A label was given up in the middle: packets of it that come late are no labels.
    private var isAbandoned = false
    /// They come now, up to the label's last.
    private var isSwallowing = false
    /// How often in a row a damaged packet was asked for again, and when last.
    private var resends = 0
    private var resendNs: Int64 = 0
    private var awaitsNew = false

    init(_ timing: SSITiming, prefix: [UInt8] = [], suffix: [UInt8] = []) {
        (self.timing, self.prefix, self.suffix) = (timing, prefix, suffix)
    }

    /// Whether a label has begun and not ended.
    var isInsideMessage: Bool { type != nil }

    /// When to call `waited`.
    var dueNs: Int64? {
        [type == nil ? nil : partNs + timing.partNs, resends == 0 ? nil : resendNs + timing.waitNs + timing.crossingNs]
            .compactMap { $0 }.min()
    }

    private var acknowledgement: ScannerOutput { .write(SSIPacket(SSIPacket.Opcode.acknowledge).bytes) }

    /// Takes a DECODE_DATA.
    mutating func take(_ packet: SSIPacket, _ now: Int64) -> [ScannerOutput] {
        let isNew = awaitsNew
        (resends, awaitsNew) = (0, false)
        if isSwallowing && now - partNs > timing.partNs { isSwallowing = false }
        if isAbandoned && now - partNs > timing.repetitionNs { isAbandoned = false }
        if isSwallowing || isAbandoned && packet.isRepeated && !isNew {
            // Said again: should it be a label of its own after all, its operator has to know.
            let isFirst = !isSwallowing
            (isSwallowing, isAbandoned, partNs) = (packet.isContinued, false, now)
            remember(packet, now)
            return isFirst ? [acknowledgement, .dropped(.fragment)] : [acknowledgement]
        }
        if packet.isRepeated, !isNew, var known = last, now - known.seenNs <= timing.repetitionNs,
            known.packet.data == packet.data, known.packet.isContinued == packet.isContinued
        {
            known.seenNs = now
            // Its scanner is still at it: the rest of the label may yet come.
            partNs = now
            defer { last = known }
            guard known.isSettled else { return [] }
            if let before = known.acknowledgedNs, now - before < timing.crossingNs { return [] }
            known.acknowledgedNs = now
            return [acknowledgement]
        }
        return takeNew(packet, now)
    }

    private mutating func takeNew(_ packet: SSIPacket, _ now: Int64) -> [ScannerOutput] {
        isAbandoned = false
        var out: [ScannerOutput] = []
        // A packet of another bar code type is no continuation: the rest of the label before it will not come.
        if let type, type != packet.data.first {
            out.append(.dropped(.fragment))
            forget()
        }
        guard let type = packet.data.first else {
            // No label at all; the scanner wants to get rid of it.
            remember(packet, now)
            return out + [acknowledgement]
        }
        (self.type, partNs) = (type, now)
        isTooLong = isTooLong || parts.count + packet.data.count > SerialSettings.maximumLength + 320
        if !isTooLong { parts += packet.data.dropFirst() }
        if packet.isContinued {
            remember(packet, now)
            return out + [acknowledgement]
        }
        defer { forget() }
        switch label() {
        case .success(let label) where !label.isEmpty:
            last = Last(packet: packet, scan: scans, seenNs: now, isSettled: false, acknowledgedNs: nil)
            scans += 1
            return out + [.scan(bytes: label, symbology: SSIPacket.symbology(type))]
        case .success:
            remember(packet, now)
            return out + [acknowledgement]
        case .failure(let fault):
            remember(packet, now)
            return out + [acknowledgement, .dropped(fault.reason)]
        }
    }

    private struct Fault: Error { let reason: ScannerEvent.DropReason }

    private func label() -> Result<[UInt8], Fault> {
        guard !isTooLong else { return .failure(Fault(reason: .tooLong)) }
        guard let label = Affix.strip(parts, prefix: prefix, suffix: suffix).map(Array.init) else {
            return .failure(Fault(reason: .affix))
        }
        return label.count <= SerialSettings.maximumLength ? .success(label) : .failure(Fault(reason: .tooLong))
    }

    /// A packet that was answered at once.
    private mutating func remember(_ packet: SSIPacket, _ now: Int64) {
        last = Last(packet: packet, scan: nil, seenNs: now, isSettled: true, acknowledgedNs: now)
    }

    private mutating func forget() { (parts, type, isTooLong) = ([], nil, false) }

    /// A scan is settled: its acknowledgement, where the scanner waits for it.
    mutating func settled(_ scan: Int, _ now: Int64) -> [ScannerOutput] {
        guard var known = last, known.scan == scan, !known.isSettled else { return [] }
        known.isSettled = true
        let isAwaited = now - known.seenNs < timing.waitNs
        if isAwaited { known.acknowledgedNs = now }
        last = known
        return isAwaited ? [acknowledgement] : []
    }

    /// Something came that is no packet: it is asked for again twice, then dropped.
    mutating func damaged(wasRepeated: Bool?, _ now: Int64) -> [ScannerOutput] {
        resends += 1
        (resendNs, partNs) = (now, now)
        if wasRepeated == false { awaitsNew = true }
        guard resends > 2 else { return [.write(SSIPacket(SSIPacket.Opcode.refuse, [1]).bytes)] }
        (resends, awaitsNew) = (0, false)
        return [.dropped(.checksum)]
    }

    /// The scanner asks for an acknowledgement again, having got it damaged.
    mutating func acknowledgementWasDamaged(_ now: Int64) -> [ScannerOutput] {
        guard let known = last, let before = known.acknowledgedNs, now - before < timing.waitNs else { return [] }
        last?.acknowledgedNs = now
        return [acknowledgement]
    }

    /// Time has passed: the rest of a label, or a packet that was asked for again, has not come.
    mutating func waited(_ now: Int64) -> [ScannerOutput] {
        var out: [ScannerOutput] = []
        if type != nil, partNs + timing.partNs <= now {
            forget()
            isAbandoned = true
            out.append(.dropped(.fragment))
        }
        if resends > 0, resendNs + timing.waitNs + timing.crossingNs <= now {
            (resends, awaitsNew) = (0, false)
            out.append(.dropped(.checksum))
        }
        return out
    }
}

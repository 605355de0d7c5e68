internal import Gate
internal import Model
internal import Posix
internal import Scanners
internal import Spool
internal import Wire

/// What becomes of one reading: which scan is stored for it, or why none.
extension Intake {
    func judge(_ place: Int, _ batch: inout IntakeBatch) {
        let item = batch.items[place]
        guard let station = station(item.device, &batch) else {
            return refuse(item, code: "unknown_device", text: "This scanner is not enabled")
        }
        let lane = station.lane
        let decision = lane.state.decide(
            item.reading, rules: rules.labels, settings: lane.settings, roles: station.device.roles,
            boot: clock.bootID, isInDoubt: lane.doubt != nil)
        switch decision {
        case .refuse(let refusal):
            if station.device.isCamera && refusal.mayBeBag { doubt(.init(item, at: place), &batch) }
            refuse(item, code: refusal.code.rawValue, text: refusal.text)
        case .alreadyStored: batch.repeated(place)
        case .store(let admission):
            do throws(SpoolError) { if lane.row == nil { lane.row = try spool.prepare(lane.name) } } catch {
                batch.fileFault = error
                doubt(.init(item, at: place), &batch)
                return refuse(item, error)
            }
            let n = spool.nextNumber()
            // The first bag since the cutover was asked for: everything before it is the old primary's. One that the lane
            // had all along, and that was scanned because of a doubt, is no other bag.
            if admission.role == .parent, lane.doubt == nil || admission.next.parent != lane.state.parent,
                spool.assignments.cutovers[lane.name] != nil,
                batch.change.cutovers[lane.name] == nil
            {
                batch.change.cutovers[lane.name] = n - 1
            }
            batch.add(
                draft(item.reading, admission, station), n: n, of: station, place: place, signal: admission.signal)
            lane.state = admission.next
            if admission.role == .parent { lane.doubt = nil }
            if admission.held { hold(n, lane.name, &batch) }
        }
    }

    private func station(_ name: DeviceID, _ batch: inout IntakeBatch) -> IntakeBatch.Station? {
        if let known = batch.stations[name] { return known }
        guard let device = devices[name] else { return nil }
        if signers.log != spool.log { signers = (spool.log, [:]) }
        let signer =
            signers.byDevice[name] ?? ScanSigner(device, gateway: gateway, log: spool.log, boot: clock.bootID)
        signers.byDevice[name] = signer
        let lane =
            batch.lanes[device.lane]
            ?? IntakeBatch.Lane(
                device.lane, rules.settings(for: device.lane), states[device.lane] ?? LaneState(),
                doubts[device.lane], sequence: spool.sequence(of: device.lane))
        batch.lanes[device.lane] = lane
        batch.signers.append(signer)
        let station = IntakeBatch.Station(
            device, lane, signer: batch.signers.count - 1, sequence: spool.sequence(of: name))
        batch.stations[name] = station
        return station
    }

    // Takes the next number of the lane and of the device.
    private func draft(_ reading: Reading, _ admission: Admission, _ station: IntakeBatch.Station) -> ScanDraft {
        station.sequence += 1
        station.lane.sequence += 1
        (station.isMoved, station.lane.isMoved) = (true, true)
        return ScanDraft(
            id: Random.uuid(unixMs: reading.capturedAt.wallMs), seq: station.sequence, laneSeq: station.lane.sequence,
            capturedAt: reading.capturedAt, role: admission.role, parent: admission.parent,
            symbology: reading.symbology, aim: reading.aim, data: admission.data, raw: admission.raw)
    }

    private func hold(_ n: Int64, _ lane: LaneID, _ batch: inout IntakeBatch) {
        let assignments = spool.assignments
        let isMoved = batch.change.cutovers[lane] != nil
        let receiver = isMoved ? assignments.cutovers[lane]?.target : assignments.receiver(of: lane)
        func note(_ group: GroupID, _ state: ExceptionState, _ reason: String) {
            batch.change.settlements.append(
                SettlementRecord(
                    log: spool.log, group: group, lane: lane, cursor: 0, settled: 0,
                    exceptions: [.init(n: n, state: state, reason: reason)]))
        }
        if let receiver {
            note(receiver, .held, SettlementRecord.Exception.unknownLabel)
            batch.held[receiver, default: 0] += 1
        }
        for mirror in groups.mirrors { note(mirror, .discarded, "held; a mirror gets what its primary gets at once") }
    }

    func refuse(_ item: IntakeQueue.Item, _ error: SpoolError) {
        events.refusedBySpool(error)
        doubt(.init(item, at: 0))
        refuse(
            item, code: error.code == .full ? "spool_full" : "spool_failing", text: "Not stored: call the supervisor",
            isForNow: true)
    }

    nonisolated func refuse(
        _ item: IntakeQueue.Item, code: String, text: String, isForNow: Bool = false
    ) {
        item.reply(isForNow ? .notNow(text) : .refused(text))
        signals.give(.refused, from: item.device)
        events.refused(item.device, item.reading.bytes, code: code, text: text)
    }
}

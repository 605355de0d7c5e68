internal import Model
internal import Posix
internal import Scanners
internal import Spool

/// What one turn of the disk stores, and whom that is told.
extension Intake {
    func commit(_ items: [IntakeQueue.Item], _ gaps: [IntakeQueue.Gap] = []) {
        if fault != nil { recover() }
        guard fault == nil, !items.isEmpty || !settlements.isEmpty || !waiters.isEmpty else {
            for gap in gaps { doubt(gap) }
            if let fault { refuseAll(items, fault) }
            return
        }
        var now = clock.now()
        now.synced = believes(now)
        var batch = IntakeBatch(items, now: now, isWatched: events.isWatched)
        let verdicts = settlements.take()
        batch.change.settlements = verdicts
        let roomFault = roomFault()
        // Anything but a bound is a failure of the file, whoever met it.
        if let roomFault, roomFault.code != .full { batch.fileFault = roomFault }
        var gaps = gaps[...]
        for place in items.indices {
            while let gap = gaps.first, gap.place <= place { doubt(gaps.removeFirst(), &batch) }
            if let roomFault { refuse(items[place], roomFault) } else { judge(place, &batch) }
        }
        for gap in gaps { doubt(gap, &batch) }
        batch.close()
        if !batch.change.isEmpty {
            do throws(SpoolError) { try store(&batch) } catch {
                // Not the batch's own: what it held was never stored.
                settlements.putBack(verdicts)
                fault = error
                refuseAll(batch.accepted.map { items[$0.place] }, error)
                return recover()
            }
        }
        if !batch.change.isEmpty { events.spoolRecovered() }
        publish(batch)
        pace.note(batch.drafts.count, of: batch.stations.keys, at: SystemClock.monotonicMicroseconds)
        guard let fileFault = batch.fileFault else { return }
        fault = fileFault
        recover()
    }

    // Numbers count as handed out from here on, whatever becomes of the commit.
    func store(_ batch: inout IntakeBatch) throws(SpoolError) {
        for station in batch.stations.values where station.isMoved {
            spool.handOut(
                lane: station.lane.name, station.lane.sequence, device: station.device.name, station.sequence)
        }
        let encoding = ScanEncoding(batch.drafts, batch.signers)
        var bytes = 0
        try store(batch.change) { index in
            let block = encoding.block(index)
            bytes += block.bytes.count
            return block
        }
        batch.bytes = bytes
    }

    /// Commits a change; cutovers are known to the reading side before, or it could hand a scan to the wrong group.
    func store(_ change: SpoolChange, blocks: ((Int) -> WireBlock)? = nil) throws(SpoolError) {
        if !change.cutovers.isEmpty {
            let (assignments, moves) = spool.applying(change)
            outputs?.log.note(assignments, moves)
        }
        try spool.commit(change, blocks: blocks)
    }

    func roomFault() -> SpoolError? {
        spool.unjudged = outputs?.log.unjudged ?? 0
        defer { notePressure() }
        do throws(SpoolError) { try spool.room() } catch { return error }
        events.spoolHasRoom()
        return nil
    }

    private func notePressure() {
        guard spool.isPressed != wasPressed else { return }
        wasPressed = spool.isPressed
        outputs?.log.notePressure(wasPressed)
        // A full file takes no scan, so that none would wake the mirrors either.
        if wasPressed { outputs?.scansArrived(Array(spool.lanes.keys)) }
    }

    private func publish(_ batch: IntakeBatch) {
        var batch = batch
        batch.chooseSignals { lane in
            guard let group = spool.assignments.receiver(of: lane) else { return true }
            return outputs?.canDeliver(group) != true
        }
        let lanes = batch.movedLanes
        for lane in lanes { states[lane.name] = lane.state }
        // Those of a commit that failed stay in doubt: their bag was not stored.
        for lane in batch.lanes.values { doubts[lane.name] = lane.doubt }
        if let outputs, !lanes.isEmpty {
            outputs.log.noteAppended(spool.appended(in: lanes.map(\.name)))
            for (group, count) in batch.held { outputs.log.noteHeld(count, group) }
        }
        for waiter in waiters { waiter.resume() }
        waiters.removeAll()
        for accepted in batch.accepted { batch.items[accepted.place].reply(.accepted(accepted.signal)) }
        signals.give(batch.accepted.lazy.map { ($0.signal, batch.items[$0.place].device) })
        events.stored(batch.items, batch.accepted)
        guard let outputs, !batch.change.isEmpty else { return }
        if !lanes.isEmpty { outputs.scansArrived(lanes.map(\.name)) }
        outputs.maintenance(batch.bytes)
    }

    private func refuseAll(_ items: [IntakeQueue.Item], _ error: SpoolError) {
        for item in items { refuse(item, error) }
        // Whoever waits for a verdict to be durable must not go on as if it were.
        for waiter in waiters { waiter.resume(throwing: error) }
        waiters.removeAll()
    }
}

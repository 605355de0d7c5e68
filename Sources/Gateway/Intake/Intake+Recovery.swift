internal import Gate
internal import Model
internal import Posix
internal import Spool

extension Intake {
    /// Opens the spool again after a failure. A damaged file is set aside and a new one made, so that scanning goes on;
    /// any other failure is tried again with the next scan, or in five seconds.
    func recover() {
        guard let failure = fault else { return }
        events.spoolFailed(failure)
        let wasFull = failure.code == .full
        if wasFull { spool.startOnBallast() }
        do throws(SpoolError) {
            if failure.code == .damaged { try setAside(failure) }
            do throws(SpoolError) { try spool.reopen() } catch {
                guard error.code == .damaged else { throw error }
                try setAside(error)
                try spool.reopen()
            }
            // A file made anew knows no group yet; to any other this changes nothing.
            try spool.use(groups)
            if wasFull { try spool.foldOnBallast() }
            fault = nil
        } catch { fault = error }
        guard fault == nil else { return retryLater() }
        states = spool.lanes.mapValues { LaneState(decoding: $0.state) }
        events.spoolRecovered()
        if wasFull { noteBallast() }
        // A cutover that was announced may not have happened.
        outputs?.log.note(spool.assignments, [])
        // A commit that failed may have reached the file all the same: what it stored has to be sent too.
        if spool.log == logOfReader { wakeUplinks() } else { moveReader() }
    }

    /// On the ballast scans are refused: says so before the first one comes, and looks for room without one, with each
    /// flush.
    func noteBallast() {
        guard fault == nil, spool.isOnBallast else { return }
        guard let fault = roomFault() else { return }
        events.refusedBySpool(fault, isScan: false)
        retryLater()
    }

    private func setAside(_ failure: SpoolError) throws(SpoolError) {
        do {
            let kept = try SpoolRecovery.setAside(directory: directory, wallMs: clock.now().wallMs)
            events.spoolSetAside(kept, failure)
        } catch {
            throw SpoolError(.failing, error.description, hint: "see `scangate doctor`")
        }
    }

    /// Has the reading side follow to a file made anew. Until it has, its verdicts carry the old file's id and are not
    /// stored.
    private func moveReader() {
        logOfReader = spool.log
        guard let log = outputs?.log else { return }
        // Unstructured: the commit that found the damage cannot wait for the reading side.
        Task { [events, clock] in
            while true {
                do {
                    try await log.reopen()
                    return self.wakeUplinks()
                } catch { events.spoolFailed(SpoolError(wrapping: error)) }
                guard (try? await clock.sleep(.seconds(5))) != nil, self.outputs != nil else { return }
            }
        }
    }

    // Scans that came before the reading side had the new file were looked for in the old one.
    private func wakeUplinks() {
        noteAppended()
        outputs?.scansArrived(Array(spool.lanes.keys))
    }

    private func noteAppended() { outputs?.log.noteAppended(spool.lanes.mapValues(\.appended)) }
}

extension Intake {
    /// What the lanes know, by name.
    func laneStates() -> [LaneID: LaneState] { states }

    /// Gives a lane another state on an admin's command, made of the one that it has: no scan comes between. Durable
    /// when it returns, and whatever was in doubt is not any more.
    ///
    /// - Returns: both states; nil where `make` makes none of the old one, and nothing is changed.
    func changeState(
        of lane: LaneID, _ make: @Sendable (LaneState) -> LaneState?
    ) throws(SpoolError) -> (old: LaneState, new: LaneState)? {
        if fault != nil { recover() }
        if let fault { throw fault }
        let old = states[lane] ?? LaneState()
        guard let state = make(old) else { return nil }
        var change = SpoolChange(now: clock.now())
        try spool.prepare(lane)
        change.laneStates[lane] = state.encode()
        do throws(SpoolError) { try spool.commit(change) } catch {
            fault = error
            recover()
            throw error
        }
        states[lane] = state
        doubts[lane] = nil
        return (old, state)
    }

    /// Bytes of live pages and WAL.
    func spoolBytes() throws(SpoolError) -> Int64 { try spool.bytes() }

    /// The id of the spool file.
    func log() -> LogID { spool.log }

    /// The writer's own short checkpoint, after the reading side has done the bulk of it.
    func checkpoint() throws(SpoolError) { try spool.checkpoint() }

    /// The last scan that is older than `keep` by the wall clock; nil where none is, or where the clock is not to be
    /// believed.
    func lastAged(keep: Duration) throws(SpoolError) -> Int64? {
        let now = clock.now()
        guard believes(now) else { return nil }
        return try spool.lastNumber(before: now.wallMs - keep.milliseconds)
    }

    /// Whether the wall clock may say how old scans are. Says so once where it jumps: until max_bytes nothing goes then.
    func believes(_ now: Moment) -> Bool {
        let before = steadyClock.hasJumped
        let answer = steadyClock.believes(now)
        switch (before, steadyClock.hasJumped) {
        case (false, true):
            Log.warning(
                "the wall clock has jumped by more than an hour: no scan is removed for its age until it has come back. "
                    + "Where it is right now, restart scangate; see: timedatectl")
        case (true, false): Log.notice("the wall clock has come back: scans are removed for their age again")
        default: break
        }
        return answer
    }

    /// Removes up to 500 judged scans, the oldest first, up to `last`; the number that went.
    func prune(upTo last: Int64) throws(SpoolError) -> Int { try spool.prune(olderThan: last, atMost: 500) }
}

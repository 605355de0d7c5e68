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
        do throws(SpoolError) {
            if failure.code == .damaged { try replaceDamaged(failure) } else { try spool.reopen() }
            fault = nil
        } catch {
            fault = error
            if error.code == .damaged && failure.code != .damaged {
                do throws(SpoolError) {
                    try replaceDamaged(error)
                    fault = nil
                } catch { fault = error }
            }
        }
        guard fault == nil else { return retryLater() }
        states = spool.lanes.mapValues { LaneState(decoding: $0.state) }
        outputs?.log.noteAppended(spool.lanes.mapValues(\.appended))
    }

    private func replaceDamaged(_ failure: SpoolError) throws(SpoolError) {
        let kept: String
        do { kept = try SpoolRecovery.setAside(directory: directory, wallMs: clock.now().wallMs) } catch {
            throw SpoolError(.failing, error.description, hint: "see `scangate doctor`")
        }
        events.spoolSetAside(kept, failure)
        try spool.reopen()
        for group in groups { try spool.register(group) }
        guard let log = outputs?.log else { return }
        // Unstructured: the commit that found the damage cannot wait for the reading side. Until it has the new file,
        // its verdicts carry the old file's id and are not stored.
        Task { [events] in
            do { try await log.reopen() } catch { events.spoolFailed(SpoolError(wrapping: error)) }
        }
    }
}

extension Intake {
    /// What the lanes know, by name.
    func laneStates() -> [LaneID: LaneState] { states }

    /// Gives a lane another state on an admin's command. Durable when it returns.
    func setState(_ lane: LaneID, _ state: LaneState) throws(SpoolError) {
        var change = SpoolChange(now: clock.now())
        try spool.prepare(lane)
        change.laneStates[lane] = state.encode()
        do throws(SpoolError) { try spool.commit(change) } catch {
            fault = error
            recover()
            throw error
        }
        states[lane] = state
    }

    /// Bytes of live pages and WAL.
    func spoolBytes() throws(SpoolError) -> Int64 { try spool.bytes() }

    /// The id of the spool file.
    func log() -> LogID { spool.log }

    /// The writer's own short checkpoint, after the reading side has done the bulk of it.
    func checkpoint() throws(SpoolError) { try spool.checkpoint() }

    /// Removes up to 500 judged scans that are older than `keepAccepted`; the number that went.
    func pruneByAge(keep: Duration) throws(SpoolError) -> Int {
        let now = clock.now()
        // A clock that nobody vouches for must not age anything.
        guard now.synced, let cutoff = try spool.lastNumber(before: now.wallMs - keep.milliseconds) else { return 0 }
        return try spool.prune(olderThan: cutoff, atMost: 500)
    }
}

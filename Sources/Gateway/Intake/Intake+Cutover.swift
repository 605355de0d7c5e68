internal import Gate
internal import Model
internal import Posix
internal import Spool

extension Intake {
    /// Has lanes go over from one primary to another: at once where a lane is between bags, else with its next bag.
    /// Durable when it returns.
    ///
    /// - Parameter names: nil means all lanes, those to come included.
    /// - Returns: the lanes that go, and whether each has gone already.
    func cutOver(_ names: [LaneID]?, from source: GroupID, to target: GroupID) throws(SpoolError) -> [LaneID: Bool] {
        try beAble()
        let planned: [LaneID]
        do throws(SpoolError) {
            planned = try spool.planCutover(
                of: names ?? Array(spool.lanes.keys), from: source, to: target, isMain: names == nil)
        } catch { throw failed(error) }
        let now = clock.now()
        var change = SpoolChange(now: now)
        for lane in planned {
            let state = states[lane] ?? LaneState()
            let parent = state.currentParent(
                at: now.uptimeNs, boot: clock.bootID, settings: rules.settings(for: lane))
            if parent == nil { change.cutovers[lane] = spool.lastHandedOut }
        }
        if !change.isEmpty {
            do throws(SpoolError) { try store(change) } catch { throw failed(error) }
        }
        outputs?.log.note(spool.assignments, [])
        outputs?.scansArrived(planned)
        return Dictionary(uniqueKeysWithValues: planned.map { ($0, change.cutovers[$0] != nil) })
    }

    /// Takes lanes back at once; durable when it returns. See `Spool.cutBack`.
    func cutBack(_ names: [LaneID]?, to source: GroupID, from target: GroupID) throws(SpoolError)
        -> [LaneID: (replayed: Int64, gone: Int64)]
    {
        try beAble()
        do throws(SpoolError) {
            let result = try spool.cutBack(
                of: names ?? Array(spool.lanes.keys), to: source, from: target, isMain: names == nil)
            outputs?.log.note(spool.assignments, result.moves)
            outputs?.log.noteHeld(result.held, source)
            outputs?.log.noteHeld(-result.held, target)
            outputs?.scansArrived(Array(result.lanes.keys))
            return result.lanes
        } catch { throw failed(error) }
    }

    /// Who has which lane.
    func assignments() -> Assignments { spool.assignments }

    private func beAble() throws(SpoolError) {
        if fault != nil { recover() }
        if let fault { throw fault }
    }

    // The file is opened again, and believed.
    private func failed(_ error: SpoolError) -> SpoolError {
        fault = error
        recover()
        return error
    }
}

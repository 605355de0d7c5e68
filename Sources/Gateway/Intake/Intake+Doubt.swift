internal import Gate
internal import Model
internal import Posix
internal import Scanners

extension Intake {
    /// The lanes whose bag nobody knows.
    func laneDoubts() -> [LaneID: LaneDoubt] { doubts }

    /// Puts a lane in doubt from now on, unless it is already: the first reason is told.
    func doubt(_ lane: LaneID, _ reason: String) {
        guard doubts[lane] == nil else { return }
        let now = clock.now()
        doubts[lane] = LaneDoubt(reason, since: now)
        let state = states[lane] ?? LaneState()
        let settings = rules.settings(for: lane)
        guard let bag = state.currentParent(at: now.uptimeNs, boot: clock.bootID, settings: settings) else { return }
        Log.warning(
            "lane \(lane): \(reason); whether its bag is still \(bag) is not known: children are refused until a bag is "
                + "scanned, or named: scangate lane set-parent \(lane) BAG")
    }

    /// Has a gap put its lane in doubt, where it may have cost the label of a bag.
    func doubt(_ gap: IntakeQueue.Gap) {
        guard let (lane, reason) = consequence(of: gap) else { return }
        doubt(lane, reason)
    }

    /// The same between two readings of a commit: whether a bag that it stores ends the doubt is known only afterwards.
    func doubt(_ gap: IntakeQueue.Gap, _ batch: inout IntakeBatch) {
        guard let (lane, reason) = consequence(of: gap) else { return }
        doubt(lane, reason)
        guard let moved = batch.lanes[lane], moved.doubt == nil else { return }
        moved.doubt = LaneDoubt(reason, since: clock.now())
    }

    private func consequence(of gap: IntakeQueue.Gap) -> (lane: LaneID, reason: String)? {
        guard let device = admitted(gap.device) else { return nil }
        switch gap.cause {
        case .lost(let what): return (device.lane, "\(device.name): \(what)")
        case .lostByCamera(let what): return device.isCamera ? (device.lane, "\(device.name): \(what)") : nil
        case .refused(let label, let symbology):
            guard device.isCamera else { return nil }
            let reason = "\(device.name): a label that was not taken may have been a bag's"
            switch rules.labels.classify(label, symbology: symbology) {
            case .label(.parent, _, _): return device.roles.contains(.parent) ? (device.lane, reason) : nil
            case .refused(let refusal, _): return refusal.mayBeBag ? (device.lane, reason) : nil
            case .label, .unknown: return nil
            }
        }
    }
}

extension IntakeQueue.Gap {
    /// A reading that is not taken.
    init(_ item: IntakeQueue.Item, at place: Int) {
        self.init(place: place, device: item.device, cause: .refused(item.reading.bytes, item.reading.symbology))
    }
}

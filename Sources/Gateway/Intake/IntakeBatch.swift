internal import Gate
internal import Model
internal import Spool
internal import Wire

/// One commit in the making.
///
/// A lane and a device are looked up once a commit, however many of their scans are in it.
struct IntakeBatch {
    /// A lane with scans in this commit.
    final class Lane {
        let name: LaneID
        let settings: LaneSettings
        /// After the scans so far.
        var state: LaneState
        /// The last number handed out.
        var sequence: Int64
        /// Its row, once it is known to have one.
        var row: Int64?
        /// After the scans so far, see `LaneDoubt`.
        var doubt: LaneDoubt?
        /// A scan of this commit has changed it.
        var isMoved = false
        /// No uplink works for it; looked up once the commit is through.
        var isOffline = false

        init(
            _ name: LaneID, _ settings: LaneSettings, _ state: LaneState, _ doubt: LaneDoubt?, sequence: Int64
        ) {
            self.name = name
            self.doubt = doubt
            self.settings = settings
            self.state = state
            self.sequence = sequence
        }
    }

    /// A device with scans in this commit.
    final class Station {
        let device: AdmittedDevice
        let lane: Lane
        /// Its place in `signers`.
        let signer: Int
        /// The last number handed out.
        var sequence: Int64
        /// A scan of this commit has used a number.
        var isMoved = false

        init(_ device: AdmittedDevice, _ lane: Lane, signer: Int, sequence: Int64) {
            self.device = device
            self.lane = lane
            self.signer = signer
            self.sequence = sequence
        }
    }

    /// What was taken from the queue, in order.
    let items: [IntakeQueue.Item]
    var change: SpoolChange
    var lanes: [LaneID: Lane] = [:]
    var stations: [DeviceID: Station] = [:]
    var signers: [ScanSigner] = []
    /// The scans of `change.appends`, in the same order.
    var drafts: [ScanEncoding.Item] = []
    /// Readings to acknowledge after the commit.
    var accepted: [AcceptedReading] = []
    /// Scans that are held from the start.
    var held: [GroupID: Int] = [:]
    /// Bytes of the scans that were stored.
    var bytes = 0
    /// Why a new lane could not be stored; the file is opened again after the commit.
    var fileFault: SpoolError?

    private let isWatched: Bool

    init(_ items: [IntakeQueue.Item], now: Moment, isWatched: Bool) {
        self.items = items
        change = SpoolChange(now: now)
        self.isWatched = isWatched
        guard items.count > 1 else { return }
        change.appends.reserveCapacity(items.count)
        drafts.reserveCapacity(items.count)
        accepted.reserveCapacity(items.count)
    }

    /// Lanes that the commit changes.
    var movedLanes: [Lane] { lanes.values.filter(\.isMoved) }

    mutating func add(_ draft: ScanDraft, n: Int64, of station: Station, place: Int, signal: Signal) {
        change.appends.append(.init(n: n, lane: station.lane.name, row: station.lane.row))
        drafts.append(.init(draft: draft, signer: station.signer))
        accepted.append(
            AcceptedReading(
                place: place, isNew: true, signal: signal, event: isWatched ? event(of: draft, station) : nil))
    }

    mutating func repeated(_ place: Int) {
        guard isWatched else {
            return accepted.append(AcceptedReading(place: place, isNew: false, signal: .duplicate, event: nil))
        }
        var event = LiveEvent(kind: .repeated, atMs: 0, device: items[place].device.text)
        event.label = String(decoding: items[place].reading.bytes, as: UTF8.self)
        accepted.append(AcceptedReading(place: place, isNew: false, signal: .duplicate, event: event))
    }

    /// Tells the scans that nobody can send now from the others, when the commit is through.
    ///
    /// - Parameter isOffline: whether no uplink works for a lane; asked once a lane.
    mutating func chooseSignals(isOffline: (LaneID) -> Bool) {
        var isAnyOffline = false
        for lane in lanes.values {
            lane.isOffline = isOffline(lane.name)
            if lane.isOffline { isAnyOffline = true }
        }
        guard isAnyOffline else { return }
        for index in accepted.indices where accepted[index].signal == .stored {
            let device = items[accepted[index].place].device
            if stations[device]?.lane.isOffline == true { accepted[index].signal = .storedOffline }
        }
    }

    /// Writes down where lanes and devices stand now, for the commit.
    mutating func close() {
        for lane in lanes.values where lane.isMoved {
            change.laneStates[lane.name] = lane.state.encode()
            change.laneSequences[lane.name] = lane.sequence
        }
        for station in stations.values where station.isMoved {
            change.deviceSequences[station.device.name] = station.sequence
        }
    }

    private func event(of draft: ScanDraft, _ station: Station) -> LiveEvent {
        var event = LiveEvent(kind: .stored, atMs: 0, device: station.device.name.text)
        event.label = String(decoding: draft.data, as: UTF8.self)
        event.lane = station.lane.name.text
        event.role = draft.role.rawValue
        event.parent = draft.parent
        event.id = draft.id.description
        return event
    }
}

/// A reading that is acknowledged once its commit is through.
struct AcceptedReading: Sendable {
    /// Its place among the items of the commit.
    let place: Int
    /// Whether a scan was stored for it, or one was there already.
    let isNew: Bool
    /// What the operator is told.
    var signal: Signal
    /// What watchers see; nil where nobody watches.
    let event: LiveEvent?
}

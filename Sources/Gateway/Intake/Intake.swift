internal import Gate
internal import Identity
internal import Model
internal import Posix
internal import Scanners
internal import Spool
internal import Synchronization
internal import Wire

/// Takes readings in: judges them by the lane's rules, signs them with the device's key, and commits them, as many as
/// wait, in one transaction; then the good signals go out.
///
/// An actor on a thread of its own, the only writer of the spool. A lane's state moves on only with the commit of the
/// scan that moves it; where a commit fails, nothing has happened but that numbers are used up. What may have been missed
/// has its place between the readings, and puts their lane in doubt (`LaneDoubt`). Verdicts from uplinks
/// ride the next commit, or go after 250 ms.
actor Intake: ReadingSink, SettlementSink {
    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let gateway: GatewayID
    let directory: String
    let clock: TimeSource
    let spool: Spool
    nonisolated let events: EventHub
    private nonisolated let signals: SignalSet
    private nonisolated let queue = IntakeQueue()
    private nonisolated let wakeups: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private nonisolated let flushes: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private(set) var rules: LaneRules
    let groups: SpoolGroups
    private var devices: [DeviceID: AdmittedDevice] = [:]
    /// Of the devices that have scanned since they were admitted, for scans in the file `log`.
    private var signers: (log: LogID, byDevice: [DeviceID: ScanSigner])
    var states: [LaneID: LaneState] = [:]
    /// The lanes whose bag nobody knows; none that a scan would not make.
    var doubts: [LaneID: LaneDoubt] = [:]
    private var isAdmitted = false
    private var settlements = PendingSettlements()
    private var pace = CommitPace()
    var steadyClock = SteadyClock()
    private var waiters: [CheckedContinuation<Void, any Error>] = []
    /// Set after the file was closed on a failure and could not be opened again yet.
    var fault: SpoolError?
    var outputs: Outputs?
    private var wasPressed = false
    /// The file that the reading side has, or is about to have.
    var logOfReader: LogID

    /// Whom the intake tells of new scans.
    struct Outputs: Sendable {
        /// The spool's reading side.
        let log: SpoolLog
        /// Lanes have new scans.
        let scansArrived: @Sendable ([LaneID]) -> Void
        /// Whether a scan for this group could be on its way now; never waits.
        let canDeliver: @Sendable (GroupID) -> Bool
        /// A commit has put this many bytes of scans into the file: checkpoints and retention may be due.
        let maintenance: @Sendable (Int) -> Void
    }

    init(
        gateway: GatewayID, directory: String, spool: sending Spool, rules: LaneRules, groups: SpoolGroups,
        clock: TimeSource, events: EventHub, signals: SignalSet
    ) {
        self.gateway = gateway
        self.directory = directory
        self.rules = rules
        self.groups = groups
        self.clock = clock
        self.events = events
        self.signals = signals
        executor = ThreadExecutor(name: "intake")
        wakeups = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        flushes = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        states = spool.lanes.mapValues { LaneState(decoding: $0.state) }
        logOfReader = spool.log
        signers = (spool.log, [:])
        self.spool = spool
    }

    /// Says whom to tell; before `run`.
    func connect(_ outputs: Outputs) {
        self.outputs = outputs
        outputs.log.noteAppended(spool.lanes.mapValues(\.appended))
        noteBallast()
    }

    /// Takes readings until `finish`; returns when everything taken is committed or refused.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.flushUntilFinished() }
            await drainUntilFinished()
            // Or the end would wait for the next flush.
            group.cancelAll()
        }
        commit([])
        spool.close()
        // They lead back here.
        outputs = nil
        executor.stop()
    }

    /// Ends `run`: nothing more is taken, what was taken is committed.
    nonisolated func finish() {
        queue.close()
        wakeups.continuation.finish()
        flushes.continuation.finish()
    }

    /// See `ReadingSink`.
    nonisolated func submit(
        _ reading: Reading, from device: DeviceID, reply: @escaping @Sendable (Acknowledgement) -> Void
    ) {
        let (taken, wasEmpty) = queue.push(.init(reading: reading, device: device, reply: reply))
        guard taken else {
            queue.noteGap(of: device, .refused(reading.bytes, reading.symbology))
            wakeups.continuation.yield()
            return refuse(
                .init(reading: reading, device: device, reply: reply), code: "busy",
                text: "The gateway is busy, scan again", isForNow: true)
        }
        if wasEmpty { wakeups.continuation.yield() }
    }

    /// See `ReadingSink`.
    nonisolated func note(_ event: ScannerEvent, from device: DeviceID) {
        // The port has told the scanner already.
        if case .dropped = event { signals.give(.refused, from: device) }
        if let cause = missed(event, device) {
            queue.noteGap(of: device, cause)
            wakeups.continuation.yield()
        }
        events.scanner(event, device)
    }

    /// What an event may have cost; before the hub has it.
    private nonisolated func missed(_ event: ScannerEvent, _ device: DeviceID) -> IntakeQueue.Cause? {
        switch event {
        case .missed(let what): .lostByCamera(what)
        case .connected: .lostByCamera("it was not there before")
        // While it is away, others scan bags by hand; another word on why it is must not undo that.
        case .disconnected(let why), .hostile(let why):
            events.devices[device]?.connected == true ? .lostByCamera(why) : nil
        // One error signal, for who knows how many labels.
        case .dropped(.lostEvents): .lost("the kernel dropped what it typed")
        // What was no bag's, or has a `missed` of its own at its place among the labels.
        case .dropped(.noRead), .dropped(.part), .dropped(.unstored), .complaint: nil
        case .dropped(let reason): .lostByCamera("what it read was dropped (\(reason.rawValue))")
        }
    }

    /// See `SettlementSink`.
    func settle(_ record: SettlementRecord, durable: Bool) async throws {
        settlements.add(record)
        guard durable else {
            flushes.continuation.yield()
            return
        }
        try await withCheckedThrowingContinuation { waiter in
            waiters.append(waiter)
            wakeups.continuation.yield()
        }
    }

    /// Has the failed file tried again in a while, without a scan.
    func retryLater() { flushes.continuation.yield() }

    /// The devices that may scan from now on.
    func admit(_ devices: [AdmittedDevice]) {
        let before = self.devices.filter(\.value.isCamera).mapValues(\.lane)
        self.devices = Dictionary(uniqueKeysWithValues: devices.map { ($0.name, $0) })
        let after = self.devices.filter(\.value.isCamera).mapValues(\.lane)
        for (name, lane) in Array(before) + Array(after) where before[name] != after[name] {
            doubt(
                lane,
                isAdmitted
                    ? "what \(name) sees has been another lane's, or nobody's"
                    : "what passed \(name) before scangate was started is not known")
        }
        isAdmitted = true
        signers.byDevice = [:]
    }

    /// A device that may scan.
    func admitted(_ name: DeviceID) -> AdmittedDevice? { devices[name] }

    /// The rules that hold from the next reading on.
    func use(_ rules: LaneRules) { self.rules = rules }

    /// The rules that hold now.
    var currentRules: LaneRules { rules }

    private func drainUntilFinished() async {
        for await _ in wakeups.stream { drain() }
        while !queue.isEmpty { drain() }
    }

    private func flushUntilFinished() async {
        for await _ in flushes.stream {
            // A file that could not be opened again is tried every five seconds, with scans or without.
            try? await clock.sleep(fault == nil ? .milliseconds(250) : .seconds(5))
            commit([])
            if fault != nil { flushes.continuation.yield() } else { noteBallast() }
        }
    }

    private func drain() {
        // The thread sleeps instead of the actor: nothing has to be woken for a reading that comes meanwhile. By the
        // kernel's clock, since it is about the machine.
        // An uplink that waits for its verdict to be durable sends nothing meanwhile.
        let wait = waiters.isEmpty ? pace.wait(at: SystemClock.monotonicMicroseconds) : 0
        if wait > 0 { Threads.sleep(microseconds: wait) }
        // What arrives while a commit runs goes with the next one: the disk sets the size of a batch. One commit a turn:
        // on a slow disk scans may never stop coming, and verdicts, commands and the watchdog need a turn as well.
        let waiting = queue.takeAll()
        commit(waiting.items, waiting.gaps)
        if !queue.isEmpty { wakeups.continuation.yield() }
    }

    private func commit(_ items: [IntakeQueue.Item], _ gaps: [IntakeQueue.Gap] = []) {
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
    private func store(_ batch: inout IntakeBatch) throws(SpoolError) {
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

    private func judge(_ place: Int, _ batch: inout IntakeBatch) {
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

    private func refuse(_ item: IntakeQueue.Item, _ error: SpoolError) {
        events.refusedBySpool(error)
        doubt(.init(item, at: 0))
        refuse(
            item, code: error.code == .full ? "spool_full" : "spool_failing", text: "Not stored: call the supervisor",
            isForNow: true)
    }

    private nonisolated func refuse(
        _ item: IntakeQueue.Item, code: String, text: String, isForNow: Bool = false
    ) {
        item.reply(isForNow ? .notNow(text) : .refused(text))
        signals.give(.refused, from: item.device)
        events.refused(item.device, item.reading.bytes, code: code, text: text)
    }
}

/// What the intake judges by.
struct LaneRules: Sendable {
    var labels: LabelRules
    var defaults: LaneSettings
    var lanes: [LaneID: LaneSettings]

    func settings(for lane: LaneID) -> LaneSettings { lanes[lane] ?? defaults }
}

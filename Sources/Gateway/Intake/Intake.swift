internal import Gate
internal import Model
internal import Posix
internal import Scanners
internal import Spool

/// Takes readings in: judges them by the lane's rules, signs them with the device's key, and commits them, as many as
/// wait, in one transaction; then the good signals go out.
///
/// An actor on a thread of its own, the only writer of the spool. A lane's state moves on only with the commit of the
/// scan that moves it; where a commit fails, nothing has happened but that numbers are used up. What may have been missed
/// has its place between the readings, and puts their lane in doubt (`LaneDoubt`). Verdicts from uplinks
/// ride the next commit, or go after 250 ms.
///
/// Here: its life and what comes in. `+Judge`: one reading. `+Commit`: one turn of the disk. `+Doubt`, `+Recovery`,
/// `+Cutover`: what their names say.
actor Intake: ReadingSink, SettlementSink {
    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let gateway: GatewayID
    let directory: String
    let clock: TimeSource
    let spool: Spool
    nonisolated let events: EventHub
    nonisolated let signals: SignalSet
    private nonisolated let queue = IntakeQueue()
    private nonisolated let wakeups: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private nonisolated let flushes: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private(set) var rules: LaneRules
    let groups: SpoolGroups
    var devices: [DeviceID: AdmittedDevice] = [:]
    /// Of the devices that have scanned since they were admitted, for scans in the file `log`.
    var signers: (log: LogID, byDevice: [DeviceID: ScanSigner])
    var states: [LaneID: LaneState] = [:]
    /// The lanes whose bag nobody knows; none that a scan would not make.
    var doubts: [LaneID: LaneDoubt] = [:]
    private var isAdmitted = false
    var settlements = PendingSettlements()
    var pace = CommitPace()
    var steadyClock = SteadyClock()
    var waiters: [CheckedContinuation<Void, any Error>] = []
    /// Set after the file was closed on a failure and could not be opened again yet.
    var fault: SpoolError?
    var outputs: Outputs?
    var wasPressed = false
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
}

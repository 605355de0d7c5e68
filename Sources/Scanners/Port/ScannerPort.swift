internal import Glibc
public import Model
public import Posix

/// One attached scanner: opens its node whenever that is there, reads scans, answers them.
///
/// An actor on the poll thread. Comes and goes by inotify, no polling: a node that is missing, busy or forbidden is
/// tried again when its path changes. One that is there and cannot be opened is also tried a second later, and every
/// ten from then on: what keeps it shut may leave no trace that inotify sees.
///
/// A node that was found by what is attached is opened only while the same device is behind it: what comes to its path
/// after an unplug may be another scanner, and only whoever watches what is attached knows whose.
public actor ScannerPort {
    private let route: ScannerRoute
    private let path: String
    private let place: Sysfs.Place?
    private let poll: PollThread
    private let sink: any ReadingSink
    private let clock: TimeSource
    private let makeDriver: @Sendable () -> any ScannerDriver
    private var watch: PathWatch?
    private var open: Opening?
    private var lastFault = ""
    private var retryPause = RetryPause()
    private var retry: PollThread.Token?
    private var isStopped = false
    /// Whether it did what no scanner does, and is read no more for that.
    public private(set) var isHostile = false
    /// Whether its node is open.
    public var isOpen: Bool { open != nil }

    private struct Opening: ~Copyable {
        let file: FileDescriptor
        let token: PollThread.Token
        let driver: any ScannerDriver
        let answers: AnswerLine
        /// Where the node's own `write` would keep the thread.
        let writer: BlockingWriter?
        let table: [Signal: Answer]
        let signals: [Signal: Answer]
        let unsettled = UnsettledScans()
        let since: Moment
        /// Whether the scanner is connected, and not only its node open.
        var isConnected: Bool
        /// When to try again, should it fail before that.
        let pause: Duration
        /// How many scans the driver has made known.
        var scans = 0
        var silence: PollThread.Token?
    }

    /// Runs on the poll thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    /// A port that is not read yet.
    ///
    /// - Parameters:
    ///   - place: of a node that was found by what is attached, its place in sysfs; nil for a path that is read
    ///     whatever is behind it.
    ///   - makeDriver: a fresh driver for each opening.
    public init(
        route: ScannerRoute, path: String, place: Sysfs.Place? = nil, poll: PollThread, sink: any ReadingSink,
        clock: TimeSource, makeDriver: @escaping @Sendable () -> any ScannerDriver
    ) {
        self.route = route
        self.path = path
        self.place = place
        self.poll = poll
        self.sink = sink
        self.clock = clock
        self.makeDriver = makeDriver
    }

    /// Begins to read the node, now or as soon as it is there.
    public func start() throws(SystemError) {
        watch = try PathWatch(path, on: poll) { [weak self] in
            self?.assumeIsolated { port in
                if port.watch?.concernsPath() == true { port.pathChanged() }
            }
        }
        tryToOpen(after: .seconds(1))
    }

    /// Stops reading and closes the node; a scan that has begun is dropped and counted. Scans handed on before still
    /// get their commit, and no answer. Whether the node was open until now.
    @discardableResult
    public func stop() async -> Bool {
        let wasOpen = open?.isConnected == true
        isStopped = true
        watch?.stop()
        watch = nil
        if let retry { poll.cancel(retry) }
        retry = nil
        // A scanner that does not take what it was told keeps its file's closing waiting, and no other scanner; nobody
        // opens the node before it is closed, since that would wait too.
        await withCheckedContinuation { closed in close(reason: nil) { closed.resume() } }
        return wasOpen
    }

    /// Gives a signal through the scanner, without a scan; false where it is not there, or cannot be told.
    public func give(_ signal: Signal) -> Bool {
        if let talker = open?.driver as? any ConversingDriver {
            guard let outputs = talker.give(signal) else { return false }
            handle(outputs)
            armSilence()
            return true
        }
        guard let answers = open?.answers, let answer = open?.signals[signal] else { return false }
        answers.send(answer)
        return true
    }

    /// Has the scanner read without its button, or end that; false where it is not there, or has no such command.
    public func trigger(_ isOn: Bool) -> Bool {
        if let talker = open?.driver as? any ConversingDriver {
            guard let outputs = talker.trigger(isOn) else { return false }
            handle(outputs)
            armSilence()
            return true
        }
        guard let answers = open?.answers, let trigger = open?.driver.trigger else { return false }
        answers.send(isOn ? trigger.on : trigger.off)
        return true
    }

    private func note(_ event: ScannerEvent) { for device in route.devices { sink.note(event, from: device) } }

    private func pathChanged(retryAfter pause: Duration = .seconds(1)) {
        guard !isStopped else { return }
        if let retry { poll.cancel(retry) }
        retry = nil
        watch?.renew()
        if open == nil { tryToOpen(after: pause) }
    }

    // - Parameter pause: when to try again, should it be there and not to be opened.
    private func tryToOpen(after pause: Duration) {
        do throws(SystemError) {
            let driver = makeDriver()
            // Before the node is opened, which changes a line's settings: it may be another's by now. And after: it may
            // have become another's in between.
            if let place, Sysfs.place(ofNode: path) != place { throw elsewhere }
            let file = try driver.open(path)
            if let place, driver.place(of: file.raw) != place { throw elsewhere }
            let first = try driver.begin(file.raw)
            let writer = driver.writesBlock ? try BlockingWriter(file.raw, name: path) : nil
            let token = try poll.watch(file.raw, for: .readable, named: path) { [weak self] events in
                self?.assumeIsolated { $0.ready(events) }
            }
            let answers = AnswerLine(writer?.descriptor ?? file.raw) { [weak self] rest, pause, generation in
                // Unstructured: whoever answers may be on any thread, and timers are the poll thread's.
                Task { await self?.resume(rest, after: pause, generation) }
            }
            open = Opening(
                file: file, token: token, driver: driver, answers: answers, writer: writer, table: driver.answers,
                signals: driver.signals, since: clock.now(), isConnected: false, pause: pause, silence: nil)
            if !driver.connectsLater { connected() }
            handle(first)
            armSilence()
        } catch {
            notOpened(error.description, retryAfter: pause)
        }
    }

    private var elsewhere: SystemError { SystemError("find the scanner again at", path, code: ENODEV) }

    private func notOpened(_ reason: String, retryAfter pause: Duration) {
        watch?.watchNode()
        if Files.status(path) != nil {
            // Whoever holds the node may have let go before it was watched.
            retry = poll.after(pause) { [weak self] in
                self?.assumeIsolated { $0.pathChanged(retryAfter: .seconds(10)) }
            }
        }
        // Said once: the path may change many times before it opens.
        guard reason != lastFault else { return }
        lastFault = reason
        if route.devices.isEmpty {
            Log.error("\(path) is not kept from typing, and is tried again: \(reason)")
        }
        note(.disconnected(reason: reason))
    }

    private func connected() {
        guard open?.isConnected == false else { return }
        open?.isConnected = true
        lastFault = ""
        note(.connected(port: path))
    }

    private func failed(_ reason: String) {
        guard let isConnected = open?.isConnected, let pause = open?.pause else { return }
        if isConnected { return close(reason: reason) }
        close(reason: nil)
        notOpened(reason, retryAfter: pause)
    }

    private func resume(_ rest: ArraySlice<Answer.Step>, after pause: Duration, _ generation: Int) {
        guard let answers = open?.answers else { return }
        _ = poll.after(pause) { answers.resume(rest, generation) }
    }

    private func ready(_ events: PollThread.Events) {
        guard let driver = open?.driver, let descriptor = open?.file.raw else { return }
        // Small enough to come from the allocator's own cache, and larger than nearly every label. A multiple of an
        // input event's 24 bytes.
        var buffer = [UInt8](repeating: 0, count: 960)
        do {
            // One read a wake-up: a scanner that never stops sending must not starve the others.
            let count = try open?.file.read(into: &buffer, subject: path)
            // Nothing there is no end: epoll may wake for what another call has taken meanwhile (select(2), BUGS).
            if count == nil && events.isDisjoint(with: .hungUp) { return }
            guard let count, count > 0 else { return close(reason: "unplugged") }
            handle(try driver.received(buffer[..<count], from: descriptor))
            armSilence()
        } catch {
            close(reason: error.code == EIO || error.code == ENODEV ? "unplugged" : error.description)
        }
    }

    private func handle(_ outputs: [ScannerOutput]) {
        for output in outputs {
            switch output {
            case .write(let bytes): open?.answers.send(bytes)
            case .complaint(let text): note(.complaint(text))
            case .dropped(let reason): drop(reason)
            case .missed(let what): note(.missed(what))
            case .scan(let bytes, let symbology, let aim): submit(bytes, symbology, aim)
            case .connected: connected()
            case .failed(let reason): return failed(reason)
            case .hostile(let reason):
                (isStopped, isHostile) = (true, true)
                close(reason: nil)
                return note(.hostile(reason))
            }
        }
    }

    private func submit(_ bytes: [UInt8], _ symbology: Symbology, _ aim: String) {
        guard let answers = open?.answers, let table = open?.table, let number = open?.scans else { return }
        open?.scans += 1
        let talker = open?.driver as? any ConversingDriver
        guard let (device, label) = route.resolve(bytes) else {
            // Answered as a scan that is refused: a scanner that waits for its answer would send it again and again.
            if let talker {
                count(.affix)
                return handle(talker.settled(number, .refused("nobody's prefix")))
            }
            return drop(.affix)
        }
        let reading = Reading(bytes: label, symbology: symbology, aim: aim, capturedAt: clock.now())
        if let talker {
            let (sink, loss) = (sink, talker.lostWhenLate)
            return sink.submit(reading, from: device) { [weak self] acknowledgement in
                // Unstructured: whoever answers may be on any thread, and the driver is the poll thread's.
                Task {
                    if await self?.settled(number, of: answers, acknowledgement) == true { return }
                    if let loss, case .notNow = acknowledgement { sink.note(.dropped(loss), from: device) }
                }
            }
        }
        guard let unsettled = open?.unsettled, let driver = open?.driver else { return }
        if driver.canWait && unsettled.begin() { listen(false) }
        let canWait = driver.canWait
        sink.submit(reading, from: device) { [weak self] acknowledgement in
            if let answer = table[acknowledgement.signal] { answers.send(answer) }
            // Unstructured: whoever answers may be on any thread, and the node is the poll thread's.
            if canWait && unsettled.end() { Task { await self?.readOn(of: answers) } }
        }
    }

    /// Enough scans of this opening are durable: its node is read again.
    private func readOn(of opening: AnswerLine) {
        guard open?.answers === opening, open?.unsettled.isFull == false else { return }
        listen(true)
        armSilence()
    }

    private func listen(_ isOn: Bool) {
        guard let token = open?.token else { return }
        poll.change(token, to: isOn ? .readable : [])
    }

    /// Whether the opening that has made the scan is still there to be told.
    private func settled(_ number: Int, of opening: AnswerLine, _ acknowledgement: Acknowledgement) -> Bool {
        guard open?.answers === opening, let talker = open?.driver as? any ConversingDriver else { return false }
        handle(talker.settled(number, acknowledgement))
        armSilence()
        return true
    }

    /// Nobody knows which of a base's scanners it was: it is counted once.
    private func count(_ reason: ScannerEvent.DropReason) {
        if let device = route.devices.last { sink.note(.dropped(reason), from: device) }
    }

    private func drop(_ reason: ScannerEvent.DropReason) {
        count(reason)
        if let talker = open?.driver as? any ConversingDriver { return handle(talker.give(.refused) ?? []) }
        if let answer = open?.signals[.refused] { open?.answers.send(answer) }
    }

    /// A scan's bytes come within milliseconds: a scan that stops in the middle ends by silence.
    private func armSilence() {
        if let token = open?.silence { poll.cancel(token) }
        open?.silence = nil
        // What is not listened to is not silent.
        guard open?.unsettled.isFull == false, let patience = open?.driver.patience else { return }
        open?.silence = poll.after(patience) { [weak self] in
            self?.assumeIsolated { port in
                port.open?.silence = nil
                port.handle(port.open?.driver.fellSilent() ?? [])
                port.armSilence()
            }
        }
    }

    private func close(reason: String?, _ closed: @escaping @Sendable () -> Void = {}) {
        handle(open?.driver.ended() ?? [])
        guard let opening = open.take() else { return closed() }
        if let silence = opening.silence { poll.cancel(silence) }
        poll.unwatch(opening.token)
        opening.answers.close()
        FileDescriptor.closeElsewhere(opening.file, closed)
        if let reason {
            note(.disconnected(reason: reason))
            let pause = retryPause.next(after: .nanoseconds(clock.now().uptimeNs - opening.since.uptimeNs))
            _ = poll.after(pause) { [weak self] in self?.assumeIsolated { $0.pathChanged() } }
        }
    }
}

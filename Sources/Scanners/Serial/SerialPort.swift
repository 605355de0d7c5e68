internal import Glibc
public import Model
public import Posix

/// One serial scanner: opens its terminal whenever it is there, reads scans, answers them where asked to.
///
/// An actor on the poll thread. Comes and goes by inotify, no polling: a port that is missing, busy or forbidden is
/// tried again when its path changes. One that is there and cannot be opened is also tried a second later, and every
/// ten from then on: what keeps it shut may leave no trace that inotify sees.
public actor SerialPort {
    private let device: DeviceID
    private let settings: SerialSettings
    private let poll: PollThread
    private let sink: any ReadingSink
    private let clock: TimeSource
    private var watch: PathWatch?
    private var open: Opening?
    private var lastFault = ""
    private var retry: PollThread.Token?
    private var isStopped = false

    private struct Opening: ~Copyable {
        let file: FileDescriptor
        let token: PollThread.Token
        let answers: AnswerLine
        var framer: LineFramer
        var silence: PollThread.Token?
    }

    /// Runs on the poll thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    /// A port that is not read yet.
    public init(
        device: DeviceID, settings: SerialSettings, poll: PollThread, sink: any ReadingSink, clock: TimeSource
    ) {
        self.device = device
        self.settings = settings
        self.poll = poll
        self.sink = sink
        self.clock = clock
    }

    /// Begins to read the port, now or as soon as it is there.
    public func start() throws(SystemError) {
        watch = try PathWatch(settings.port, on: poll) { [weak self] in
            self?.assumeIsolated { port in
                if port.watch?.concernsPath() == true { port.pathChanged() }
            }
        }
        tryToOpen(after: .seconds(1))
    }

    /// Stops reading and closes the port; a scan that has begun is dropped and counted. Scans handed on before still
    /// get their commit, and no answer.
    public func stop() {
        isStopped = true
        watch?.stop()
        watch = nil
        if let retry { poll.cancel(retry) }
        retry = nil
        close(reason: nil)
    }

    private func pathChanged(retryAfter pause: Duration = .seconds(1)) {
        guard !isStopped else { return }
        if let retry { poll.cancel(retry) }
        retry = nil
        watch?.renew()
        if open == nil { tryToOpen(after: pause) }
    }

    // - Parameter pause: when to try again, should it be there and not to be opened.
    private func tryToOpen(after pause: Duration) {
        do {
            let file = try SerialLine.open(settings.port, baud: settings.baud)
            let descriptor = file.raw
            let token = try poll.watch(descriptor, for: .readable, named: settings.port) { [weak self] events in
                self?.assumeIsolated { $0.ready(events) }
            }
            open = Opening(
                file: file, token: token, answers: AnswerLine(descriptor), framer: LineFramer(settings), silence: nil)
            lastFault = ""
            sink.note(.connected(port: settings.port), from: device)
        } catch {
            watch?.watchNode()
            if Files.status(settings.port) != nil {
                // Whoever holds the port may have let go before the node was watched.
                retry = poll.after(pause) { [weak self] in
                    self?.assumeIsolated { $0.pathChanged(retryAfter: .seconds(10)) }
                }
            }
            // Said once: the path may change many times before it opens.
            guard error.description != lastFault else { return }
            lastFault = error.description
            sink.note(.disconnected(reason: error.description), from: device)
        }
    }

    private func ready(_ events: PollThread.Events) {
        guard open != nil else { return }
        // Small enough to come from the allocator's own cache, and larger than nearly every label.
        var buffer = [UInt8](repeating: 0, count: 960)
        do {
            // One read a wake-up: a scanner that never stops sending must not starve the others.
            let count = try open?.file.read(into: &buffer, subject: settings.port) ?? 0
            guard count > 0 else {
                if events.contains(.readable) || !events.isDisjoint(with: .hungUp) { close(reason: "unplugged") }
                return
            }
            handle(open?.framer.push(buffer[..<count]) ?? [])
            armSilence()
        } catch {
            close(reason: error.code == EIO ? "unplugged" : error.description)
        }
    }

    private func handle(_ outputs: [LineFramer.Output]) {
        guard let answers = open?.answers else { return }
        for output in outputs {
            switch output {
            case .dropped(let reason):
                sink.note(.dropped(reason), from: device)
                if settings.acknowledges { answers.send(Self.refused) }
            case .scan(let bytes):
                let reading = Reading(bytes: bytes, capturedAt: clock.now())
                sink.submit(reading, from: device) { [acknowledges = settings.acknowledges] acknowledgement in
                    guard acknowledges else { return }
                    answers.send(acknowledgement == .stored ? Self.stored : Self.refused)
                }
            }
        }
    }

    /// A scan's bytes come within milliseconds: a scan that stops in the middle ends by silence.
    private func armSilence() {
        if let token = open?.silence { poll.cancel(token) }
        open?.silence = nil
        guard open?.framer.isInsideScan == true else { return }
        let patience: Duration = settings.terminator == .idle ? .milliseconds(settings.idleMs) : .seconds(2)
        open?.silence = poll.after(patience) { [weak self] in
            self?.assumeIsolated { port in
                port.open?.silence = nil
                port.handle(port.open?.framer.silence() ?? [])
            }
        }
    }

    private func close(reason: String?) {
        handle(open?.framer.abandon() ?? [])
        guard let opening = open.take() else { return }
        if let silence = opening.silence { poll.cancel(silence) }
        poll.unwatch(opening.token)
        opening.answers.close()
        if let reason {
            sink.note(.disconnected(reason: reason), from: device)
            // The node may be back already, its event having come before the end of the old one was read.
            _ = poll.after(.milliseconds(200)) { [weak self] in self?.assumeIsolated { $0.pathChanged() } }
        }
    }

    private static let stored: UInt8 = 0x06
    private static let refused: UInt8 = 0x15
}

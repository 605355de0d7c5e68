public import Model
internal import Posix
internal import Synchronization

/// One output: plays each signal's pattern on a thread of its own, so that a device that hangs holds up nobody else.
///
/// A newer signal takes the place of the pattern under way; only `refused` is given to its end, and the newest signal that
/// came meanwhile follows it. Bound: 16 signals wait for the thread; beyond that the oldest go, and are counted.
public actor SignalOutput {
    static let bound = 16

    private let executor: ThreadExecutor
    /// The output's own thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// What it was made of.
    public nonisolated let settings: SignalSettings
    private let device: any SignalDevice
    private let clock: TimeSource
    private nonisolated let orders: (stream: AsyncStream<Order>, continuation: AsyncStream<Order>.Continuation)
    private nonisolated let state: Mutex<SignalStatus>
    private var playing: Signal?
    private var following: Signal?
    /// Which pattern a timer belongs to.
    private var generation = 0
    private var timer: Task<Void, Never>?

    private struct Order: Sendable {
        let signal: Signal
        let reply: (@Sendable (SignalError?) -> Void)?
    }

    /// An output that gives nothing yet; `run` it.
    public init(_ settings: SignalSettings, clock: TimeSource) {
        self.init(settings, Self.device(settings.kind), clock: clock)
    }

    init(_ settings: SignalSettings, _ device: sending any SignalDevice, clock: TimeSource) {
        self.settings = settings
        self.device = device
        self.clock = clock
        executor = ThreadExecutor(name: "signal")
        orders = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.bound))
        state = Mutex(SignalStatus(settings))
    }

    /// How it does. Any thread.
    public nonisolated var status: SignalStatus { state.withLock { $0 } }

    /// Gives a signal. Any thread; returns at once.
    ///
    /// - Parameter reply: called once with how the pattern began, on the output's thread; never, where the signal was
    ///   dropped.
    public nonisolated func give(_ signal: Signal, reply: (@Sendable (SignalError?) -> Void)? = nil) {
        guard case .dropped = orders.continuation.yield(Order(signal: signal, reply: reply)) else { return }
        state.withLock { $0.dropped += 1 }
    }

    /// Gives signals until `finish`, then switches off. Called once.
    public func run() async {
        for await order in orders.stream { take(order) }
        timer?.cancel()
        device.close()
        executor.stop()
    }

    /// Ends `run`; any thread.
    public nonisolated func finish() { orders.continuation.finish() }

    private func take(_ order: Order) {
        guard playing != .refused || order.signal == .refused else {
            following = order.signal
            order.reply?(nil)
            return
        }
        let error = begin(order.signal)
        order.reply?(error)
    }

    private func begin(_ signal: Signal) -> SignalError? {
        timer?.cancel()
        generation += 1
        following = nil
        do throws(SignalError) {
            let pause = try device.begin(settings.pattern(of: signal))
            note(nil)
            playing = signal
            wait(pause)
            return nil
        } catch {
            failed(error)
            return error
        }
    }

    private func step(_ generation: Int) {
        guard generation == self.generation else { return }
        do throws(SignalError) { wait(try device.next()) } catch { failed(error) }
    }

    private func wait(_ pause: Duration?) {
        guard let pause else {
            playing = nil
            guard let signal = following else { return }
            _ = begin(signal)
            return
        }
        // Unstructured: the next pattern ends it.
        timer = Task { [clock, generation] in
            guard (try? await clock.sleep(pause)) != nil else { return }
            step(generation)
        }
    }

    private func failed(_ error: SignalError) {
        (playing, following) = (nil, nil)
        // It is opened anew by the next signal.
        device.close()
        note(error)
    }

    // Said once a fault.
    private func note(_ error: SignalError?) {
        let before = state.withLock { state in
            defer {
                state.fault = error
                state.isUsed = true
                if error == nil { state.given += 1 } else { state.failed += 1 }
            }
            return state.fault
        }
        guard before != error else { return }
        if let error {
            Log.warning("signal \(settings.name): \(error.description); the next signal tries again")
        } else {
            Log.notice("signal \(settings.name): works again")
        }
    }

    private static func device(_ kind: SignalSettings.Kind) -> any SignalDevice {
        switch kind {
        case .sound(let device, let volume): SoundDevice(device: device, volume: volume)
        case .gpio(let chip, let lines, let isActiveLow):
            GPIODevice(chip: chip, lines: lines, isActiveLow: isActiveLow)
        case .light(let path, let baud, let colours): LightDevice(path: path, baud: baud, colours: colours)
        }
    }
}

/// A picture of one output.
public struct SignalStatus: Sendable, Equatable {
    /// Its settings.
    public let settings: SignalSettings
    /// Whether a signal has been tried.
    public var isUsed = false
    /// Signals whose pattern began.
    public var given = 0
    /// Signals that the device did not take.
    public var failed = 0
    /// Signals that came while 16 waited, and took the place of older ones.
    public var dropped = 0
    /// What is wrong now.
    public var fault: SignalError?

    init(_ settings: SignalSettings) { self.settings = settings }
}

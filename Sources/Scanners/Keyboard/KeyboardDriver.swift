internal import Glibc
public import Model
public import Posix
internal import Synchronization

/// A scanner in keyboard mode, or a keyboard whose keys are to reach nobody.
///
/// The node is grabbed: no console, desktop or other program sees its keys. Not while a key is down, which would stay
/// pressed for whoever saw it go down: until all are released nothing is taken, and no time is spent waiting. A key that
/// stays down for 10 s is stuck for the others already, and is waited for no longer.
///
/// The first scan after an opening is trusted when a quarter of a second has passed without a key (scanners pause 100 ms between keys at the most), or a terminator has come: the
/// node may have been opened in the middle of one. A kept grab (see `GrabKeeper`) whose last reader stopped between two
/// scans is trusted at once.
public final class KeyboardDriver: ScannerDriver {
    /// What becomes of the keys.
    public enum Purpose: Sendable {
        /// They are scans.
        case scan(KeyboardSettings)
        /// They are counted and thrown away: a scanner that nobody has provisioned must not type anywhere.
        case discard(KeyCount)
    }

    /// How many keys were thrown away. Any thread.
    public final class KeyCount: Sendable {
        private let count = Atomic<Int>(0)

        /// None yet.
        public init() {}

        /// Presses so far.
        public var value: Int { count.load(ordering: .relaxed) }

        func add(_ keys: Int) { count.add(keys, ordering: .relaxed) }
    }

    private enum Grab {
        case waiting(since: Int64)
        case held
    }

    /// How long a key may be down before it counts as stuck, in microseconds.
    static let stuckAfter: Int64 = 10_000_000

    private let purpose: Purpose
    private let keeper: (any GrabKeeper)?
    private let kernel: KeyboardKernel
    private var decoder: KeyDecoder?
    private var path = ""
    private var descriptor: Int32 = -1
    private var grab = Grab.waiting(since: 0)
    private var kept: (isKept: Bool, isAtRest: Bool) = (false, false)

    /// A driver for one opening of a scanner.
    ///
    /// - Parameter keeper: keeps the grab when nobody reads; nil gives the keyboard back at the end.
    public convenience init(_ settings: KeyboardSettings, keeper: (any GrabKeeper)? = nil) {
        self.init(.scan(settings), keeper: keeper)
    }

    /// A driver for one opening.
    public convenience init(_ purpose: Purpose, keeper: (any GrabKeeper)? = nil) {
        self.init(purpose, keeper: keeper, kernel: .linux)
    }

    init(_ purpose: Purpose, keeper: (any GrabKeeper)?, kernel: KeyboardKernel) {
        self.purpose = purpose
        self.keeper = keeper
        self.kernel = kernel
        if case .scan(let settings) = purpose { decoder = KeyDecoder(settings) }
    }

    /// See `ScannerDriver`.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor {
        self.path = path
        if let grab = keeper?.take(path) {
            kept = (true, grab.isAtRest)
            return grab.file
        }
        let opened = try kernel.open(path)
        guard opened.keys.contains(Keys.one), opened.keys.contains(Keys.enter) else {
            throw SystemError("use as a keyboard", "\(path) (it has no digits, or no Enter)", code: EOPNOTSUPP)
        }
        return opened.file
    }

    /// See `ScannerDriver`.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        self.descriptor = descriptor
        guard kept.isKept else {
            grab = .waiting(since: kernel.now())
            return try takeKeyboard()
        }
        try kernel.prepare(descriptor, path)
        return taken(isAtRest: kept.isAtRest)
    }

    /// See `ScannerDriver`.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        let events = InputEvent.parse(bytes)
        guard case .held = grab else { return try takeKeyboard() }
        if case .discard(let count) = purpose {
            count.add(events.count { $0.type == InputEvent.key && $0.value == 1 })
            return []
        }
        var out = decoder?.push(events) ?? []
        if decoder?.needsKeys == true { out += try resynchronize() }
        return out
    }

    /// See `ScannerDriver`.
    public var patience: Duration? {
        guard case .held = grab else { return .microseconds(Self.stuckAfter) }
        guard let patience = decoder?.patience else { return nil }
        return .microseconds(patience)
    }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] {
        guard case .held = grab else { return (try? takeKeyboard()) ?? [] }
        return decoder?.silence() ?? []
    }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] {
        guard descriptor >= 0 else { return [] }
        if !kernel.isThere(descriptor) {
            keeper?.forget(descriptor)
        } else if case .held = grab, decoder?.isAtRest == true {
            keeper?.rest(descriptor)
        }
        descriptor = -1
        return decoder?.abandon() ?? []
    }

    /// See `ScannerDriver`.
    public var answers: [Signal: Answer] {
        guard case .scan(let settings) = purpose, settings.usesLights else { return [:] }
        return KeyboardLights.answers(capsLock: settings.capsLock)
    }

    /// Grabs the keyboard, unless a key is down.
    private func takeKeyboard() throws(SystemError) -> [ScannerOutput] {
        guard case .waiting(let since) = grab else { return [] }
        let isStuck = kernel.now() - since >= Self.stuckAfter
        guard try kernel.keysDown(descriptor, path).isEmpty || isStuck else { return [] }
        try kernel.grab(descriptor, path)
        // One may have gone down between the question and the grab, seen by others: they have to see it come up.
        guard try kernel.keysDown(descriptor, path).isEmpty || isStuck else {
            try kernel.release(descriptor, path)
            return []
        }
        var out: [ScannerOutput] = []
        // Read without that: a scanner that is not read at all loses more than what is typed during a restart.
        do throws(SystemError) { try keeper?.keep(descriptor) } catch {
            out.append(.complaint("while the daemon restarts, what it types goes to the console: \(error.description)"))
        }
        return out + taken(isAtRest: false)
    }

    private func taken(isAtRest: Bool) -> [ScannerOutput] {
        grab = .held
        decoder?.begin(at: kernel.now(), isAtRest: isAtRest)
        guard case .scan(let settings) = purpose else { return [] }
        // The console's CapsLock may have been lit when the grab began, and some scanners go by the light.
        return [.write(KeyboardLights.rest(capsLock: settings.capsLock))]
    }

    /// After lost events: passes over what is older than the kernel's answer, and reads on from there.
    private func resynchronize() throws(SystemError) -> [ScannerOutput] {
        var out: [ScannerOutput] = []
        // A device that never stops must not hold the thread: what is left after 16 reads goes with the question.
        for _ in 0..<16 {
            var buffer = [UInt8](repeating: 0, count: 960)
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { break }
            out += decoder?.push(InputEvent.parse(buffer[..<count])) ?? []
        }
        let down = try kernel.keysDown(descriptor, path)
        decoder?.resume(keysDown: down, at: kernel.now())
        // Events were lost again meanwhile, and no report has come after them: the next `received` asks.
        return out
    }
}

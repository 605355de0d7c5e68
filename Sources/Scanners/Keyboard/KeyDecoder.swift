internal import Keymap
internal import Model
internal import Posix

/// Makes scans of a keyboard's events: a pure state machine over what `read` returned. One value an opening.
///
/// **Characters** are what the layout gives with Shift and AltGr as they are held, in UTF-8. CapsLock is the decoder's own:
/// it starts as `KeyboardSettings.capsLock` says, and only the scanner's own CapsLock key turns it, so that the host's never
/// makes `sb00042` of `SB00042`. NumLock is on and stays on: a keypad key is its digit. Alt and keypad digits are an
/// `AltCode`. Repeated keys are passed over: no scanner holds a key.
///
/// **Control characters** come as Enter and Tab, as Alt codes, or with the Control key. There EOT, TAB, LF, CR, FS, GS, RS
/// and US are taken, what `prefix` and `suffix` contain, and what `controls` names. A layout that has no `]`, `\` or `_`
/// under Control is read by the places of those keys on a US keyboard.
///
/// **What no scanner types** is hostile, inside a scan or not: Meta; Control with any other key (Ctrl+C too); the left Alt
/// with anything but keypad digits, and either Alt with Control; any modifier with a function key; keys without a character
/// (arrows, Delete, Menu, media keys); Escape and Backspace, unless `controls` names them. Not hostile: up to 4 function
/// keys before a scan, the preamble of some scanners; they are passed over. A function key inside a scan may stand for a
/// control character, a dead key for an accent, and the right Alt with a character for one that this layout does not have:
/// then the scan is dropped as `noise`, never guessed.
///
/// **A scan's end** also lets go of whatever modifier is still held: a key that is never released spoils no later scan.
///
/// **Lost events** (SYN_DROPPED): the scan that they were part of is dropped, up to its end. `needsKeys` says that the
/// kernel has to be asked which keys are down; until then only the ends of scans are seen, and each is a dropped scan.
/// After that a scan is trusted again when a terminator has come, or silence.
///
/// Memory is bounded by the longest scan.
struct KeyDecoder: ~Copyable {
    /// Microseconds without a key after which a scan is a fragment, whatever its terminator.
    static let fragmentSilence: Int64 = 2_000_000
    /// Microseconds without a key that show, at the start, that no scan is under way; the keys of one scan follow each
    /// other faster.
    static let startSilence: Int64 = 250_000
    /// Function keys before a scan.
    static let preambleLimit = 4

    /// Why what comes next may be a scan's rest, and the silence that shows that it is none.
    private struct Suspicion {
        let reason: ScannerEvent.DropReason
        let silence: Int64
    }

    private enum Phase { case reading, lost, needsKeys, refused }

    let settings: KeyboardSettings
    var keys: KeyState
    var altCode = AltCode()
    /// Modifier keys that are down.
    var held: Set<UInt16> = []
    var preamble = 0
    /// An accent that was typed last.
    var accent: Unicode.Scalar?
    var watch = StuckKeys()
    private var text: [UInt8] = []
    /// Why the scan that is being read is none; it is dropped at its end, and counted once.
    private var fault: ScannerEvent.DropReason?
    private var suspicion: Suspicion?
    private var phase = Phase.reading
    private var lastTime: Int64?

    init(_ settings: KeyboardSettings) {
        self.settings = settings
        keys = KeyState(settings.keymap, capsLock: settings.capsLock)
    }

    /// Reading begins; call it before the first `push`.
    ///
    /// - Parameters:
    ///   - time: the kernel's, in microseconds.
    ///   - isAtRest: it is known that no scan is under way.
    mutating func begin(at time: Int64, isAtRest: Bool) {
        lastTime = isAtRest ? nil : time
        suspicion = isAtRest ? nil : Suspicion(reason: .fragment, silence: Self.startSilence)
    }

    /// Whether a scan has begun and not ended.
    var isInsideScan: Bool { !text.isEmpty || fault != nil || !altCode.isEmpty || accent != nil }

    /// Whether the next key is the first of a scan, and nothing of the time before can change its meaning.
    var isAtRest: Bool {
        phase == .reading && !isInsideScan && suspicion == nil && preamble == 0 && held.isEmpty
            && keys.capsLock == settings.capsLock
    }

    /// Whether events were lost: `resume` has to be called before the decoder reads on.
    var needsKeys: Bool { phase == .needsKeys }

    /// How long nothing may come before `silence` is called, in microseconds; nil while there is nothing to wait for.
    var patience: Int64? {
        guard phase == .reading else { return nil }
        if isInsideScan { return scanSilence }
        return suspicion?.silence
    }

    private var scanSilence: Int64 { settings.terminator == .idle ? settings.idleMs * 1000 : Self.fragmentSilence }

    /// Takes events as they were read.
    mutating func push(_ events: [InputEvent]) -> [ScannerOutput] {
        var out: [ScannerOutput] = []
        for event in events { take(event, &out) }
        return out
    }

    /// The kernel has said which keys are down, and has nothing older in its queue.
    mutating func resume(keysDown: [UInt16], at time: Int64) {
        guard phase == .needsKeys else { return }
        phase = .reading
        letGo(capsLock: settings.capsLock)
        watch.begin(keysDown.filter { $0 != Keys.enter && $0 != Keys.keypadEnter && $0 != Keys.tab })
        for key in keysDown where keys.meaning(of: key) == .modifier && key != Keys.capsLock {
            held.insert(key)
            keys.update(key: key, isDown: true)
        }
        suspicion = Suspicion(reason: .lostEvents, silence: scanSilence)
        lastTime = time
    }

    /// Nothing has come for `patience`.
    mutating func silence() -> [ScannerOutput] {
        if settings.terminator == .idle && fault == nil && altCode.isEmpty && accent == nil && !text.isEmpty {
            return end()
        }
        return abandon()
    }

    /// No more comes: what was read of a scan is no scan.
    mutating func abandon() -> [ScannerOutput] {
        let isInside = isInsideScan
        let reason = fault ?? .fragment
        reset()
        if isInside { letGo(capsLock: settings.capsLock) }
        return isInside ? [.dropped(reason)] : []
    }

    private mutating func take(_ event: InputEvent, _ out: inout [ScannerOutput]) {
        switch (event.type, event.code, phase) {
        case (_, _, .refused): return
        case (InputEvent.synchronization, InputEvent.dropped, _):
            reset()
            (fault, phase) = (.lostEvents, .lost)
        case (InputEvent.synchronization, InputEvent.report, .lost): phase = .needsKeys
        case (InputEvent.key, let key, .needsKeys): if event.value == 1 { passOver(key, &out) }
        case (InputEvent.key, let key, .reading):
            // By the events' own time too: they may have waited, and a key that repeats keeps a timer from running out.
            if let lastTime, let patience, event.time - lastTime >= patience { out += silence() }
            guard event.value == 0 || event.value == 1 else { return }
            forgetStuckKeys(event.time)
            lastTime = event.time
            if event.value == 1 { press(key, &out) } else { release(key, &out) }
        default: return
        }
    }

    /// A modifier that was pressed for no scan, and long ago.
    private mutating func forgetStuckKeys(_ time: Int64) {
        guard let lastTime, time - lastTime >= Self.fragmentSilence, !isInsideScan, !held.isEmpty else {
            return
        }
        watch.suspectModifiers()
        letGo(capsLock: keys.capsLock)
    }

    /// A key from before the kernel was asked: only that a scan has ended is of use.
    private mutating func passOver(_ key: UInt16, _ out: inout [ScannerOutput]) {
        let ends: Bool =
            switch (settings.terminator, key) {
            case (.any, Keys.enter), (.any, Keys.keypadEnter), (.any, Keys.tab), (.enter, Keys.enter),
                (.enter, Keys.keypadEnter), (.tab, Keys.tab):
                true
            default: false
            }
        if ends {
            if let fault { out.append(.dropped(fault)) }
            fault = nil
        } else if keys.meaning(of: key) != .modifier {
            fault = .lostEvents
        }
    }

    /// A character that the scanner has typed, in any way.
    mutating func type(_ character: Unicode.Scalar, _ out: inout [ScannerOutput]) {
        switch (settings.terminator, character) {
        case (.any, "\r"), (.any, "\n"), (.any, "\t"), (.enter, "\r"), (.enter, "\n"), (.tab, "\t"): out += end()
        default: append(character)
        }
    }

    /// The scan that is being read, or that begins now, is none.
    mutating func spoil(_ reason: ScannerEvent.DropReason) {
        fault = fault ?? reason
        text.removeAll(keepingCapacity: false)
    }

    /// It does what no scanner does; nothing that it types is read from here on.
    mutating func refuse(_ what: String, _ out: inout [ScannerOutput]) {
        reset()
        phase = .refused
        out.append(.hostile("it pressed \(what), which no scanner does"))
    }

    private mutating func append(_ character: Unicode.Scalar) {
        preamble = 0
        if text.isEmpty, let suspicion { spoil(suspicion.reason) }
        guard fault == nil else { return }
        let bytes = Array(UTF8.encode(character) ?? UTF8.encodedReplacementCharacter)
        let room =
            SerialSettings.maximumLength + settings.prefix.count + settings.suffix.count + (settings.hasAIM ? 3 : 0)
        guard text.count + bytes.count <= room else { return spoil(.tooLong) }
        text += bytes
    }

    private mutating func end() -> [ScannerOutput] {
        let isStuck = watch.endOfScan()
        let whole = altCode.isEmpty && accent == nil
        // Alone, a line end is no scan, whatever else is down.
        let stuck: ScannerEvent.DropReason? = isStuck && !text.isEmpty ? .stuckKey : nil
        let (line, reason) = (text, fault ?? (whole ? stuck : .noise))
        reset()
        if reason != nil {
            letGo(capsLock: settings.capsLock)
        } else if !held.isEmpty {
            letGo(capsLock: keys.capsLock)
        }
        if let reason { return [.dropped(reason)] }
        // Enter alone is a scanner's extra line end, not a scan.
        guard !line.isEmpty else { return [] }
        return [finish(line)]
    }

    private func finish(_ line: [UInt8]) -> ScannerOutput {
        guard var label = Affix.strip(line, prefix: settings.prefix, suffix: settings.suffix) else {
            return .dropped(.affix)
        }
        var aim = ""
        if settings.hasAIM {
            guard let identifier = AIMIdentifier.leading(label) else { return .dropped(.affix) }
            label = label.dropFirst(3)
            aim = identifier
        }
        guard label.count <= SerialSettings.maximumLength else { return .dropped(.tooLong) }
        // An affix with nothing in between.
        guard !label.isEmpty else { return .dropped(.fragment) }
        return .scan(bytes: Array(label), symbology: aim.isEmpty ? .unknown : .init(aim: aim), aim: aim)
    }

    private mutating func reset() {
        text.removeAll(keepingCapacity: text.capacity <= 1024)
        fault = nil
        suspicion = nil
        altCode = AltCode()
        accent = nil
        preamble = 0
    }

    private mutating func letGo(capsLock: Bool) {
        keys.reset(capsLock: capsLock)
        held = []
    }
}

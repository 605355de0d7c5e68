public import Model

/// A scan that may go into the spool, and the lane's state once it is there.
public struct Admission: Sendable, Equatable {
    /// What the label is.
    public let role: ScanRole
    /// The label after its rule; never empty.
    public let data: [UInt8]
    /// The bytes as read, only where they differ from `data`.
    public let raw: [UInt8]?
    /// The bag of a child, or of another label scanned inside a bag; empty for a bag itself.
    public let parent: String
    /// The scan is stored as held: a person must look before it is sent.
    public let held: Bool
    /// The rule that knew the label; nil where none did.
    public let rule: RuleReference?
    /// What the operator is told once the scan is on stable storage: stored, duplicate (a child that is in this bag
    /// already; the backend decides what becomes of it) or bag complete.
    public let signal: Signal
    /// The lane's state, to be committed with the scan and to be forgotten where the commit fails.
    public let next: LaneState
}

/// What becomes of a reading.
public enum LaneDecision: Sendable, Equatable {
    /// Sign it, commit it together with the lane's next state, then give the good signal.
    case store(Admission)
    /// It is stored already: give the duplicate signal once the last stored scan of the lane is durable, store nothing.
    case alreadyStored
    /// Give the error signal and the text; store nothing.
    case refuse(Refusal)
}

extension LaneState {
    /// Judges a reading; changes nothing.
    ///
    /// Time is the reading's own, by CLOCK_BOOTTIME, so that a reading that had to wait is judged as of when the
    /// worker scanned. To be asked in the lane's order, each time with the state that the last commit left.
    ///
    /// - Parameters:
    ///   - roles: what the device may scan; labels of role other may come from any device.
    ///   - boot: the kernel's id of this boot.
    ///   - isInDoubt: see `LaneDoubt`: there is no bag until one is stored, be it the same.
    public func decide(
        _ reading: Reading, rules: LabelRules, settings: LaneSettings, roles: Set<ScanRole>, boot: String,
        isInDoubt: Bool = false
    ) -> LaneDecision {
        let role: ScanRole
        let data: [UInt8]
        let known: RuleReference?
        switch rules.classify(reading.bytes, symbology: reading.symbology) {
        case .refused(let refusal, _): return .refuse(refusal)
        case .unknown where settings.other == .refuse: return .refuse(.unknown)
        case .unknown: (role, data, known) = (.other, reading.bytes, nil)
        case .label(let itsRole, let itsData, let rule): (role, data, known) = (itsRole, itsData, rule)
        }
        guard role == .other || roles.contains(role) else { return .refuse(.wrongRole(role, allowed: roles)) }
        let now = reading.capturedAt.uptimeNs
        let current = isInDoubt ? nil : currentParent(at: now, boot: boot, settings: settings)
        // A bag that is forgotten sooner than its label could repeat has to become current again.
        if isRepeat(reading, boot: boot, within: settings.debounce), role != .parent || current != nil {
            return .alreadyStored
        }

        var next = self
        var signal = Signal.stored
        switch role {
        case .parent:
            let parent = String(decoding: data, as: UTF8.self)
            // The backend would insert another scan row; of a bag that an admin named it has none.
            if parent == current && !isNamed { return .alreadyStored }
            next.begin(parent, at: now, boot: boot)
        case .child:
            guard current != nil else { return .refuse(.noParent) }
            let label = LabelHash.of(data)
            if holds(label) {
                signal = .duplicate
            } else {
                guard children < settings.childrenPerParent else { return .refuse(.bagFull) }
                next.count(label)
                if next.children == settings.childrenPerParent { signal = .bagComplete }
            }
            next.touch(at: now, boot: boot)
        case .other:
            // Only a bag label may make a bag current again that was forgotten, with the children that it has; over a
            // reboot the lane cannot remember that it was.
            if current == nil, boot == self.boot { break }
            if current == nil { next.parent = "" }
            next.touch(at: now, boot: boot)
        }
        next.lastLabel = reading.bytes
        next.lastLabelNs = now
        return .store(
            Admission(
                role: role, data: data, raw: data == reading.bytes ? nil : reading.bytes,
                parent: role == .parent ? "" : current ?? "", held: known == nil && settings.other == .hold,
                rule: known, signal: signal, next: next))
    }
}

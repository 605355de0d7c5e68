internal import Model

/// Makes one scan of one passing label, out of the many frames that it is in.
///
/// A state machine without I/O; its clock is the frames' own. One thread.
///
/// What a passage is:
/// 1. A label is its text. Its passage begins with the first frame that reads it and ends when no frame has read it for
///    `againAfter`; within one passage it counts once, whether it is in 1 frame or stays for an hour, and whatever
///    frames in between do not read it, were dropped or never came.
/// 2. The same text at two places at once is one label: a bag with its label printed twice, front and back. Labels name
///    bags, so two bags with one text are one bag's label copied, which the lane's debounce would acknowledge once too.
///    Places are kept apart all the same, because two copies read in turn would look like one that travels.
/// 3. While no frame has changed since a label was read, it is still there: a camera does not look at every frame of a
///    picture at rest. This is believed for `Limits.still` without a reading, then the label counts again when read.
/// 4. A camera from which no frame comes for `againAfter` may have missed everything: a label counts again after it.
///    So it does with a fresh tracker, after an unplug. Such a repeat is safe, the lane's debounce and ledger know it;
///    a label that did not count would be lost.
public struct BeltTracker {
    /// The bounds of its memory, and of what it believes.
    public enum Limits {
        /// Labels that are remembered at once, each at most `labelBytes` long. When one more comes, the one that was
        /// unseen for longest is forgotten, and may count again within `againAfter`. A frame with more labels than
        /// this: those that find no room do not count until there is some.
        public static let labels = 128
        /// The longest label, in bytes; a longer one, and an empty one, is no label. As for all scanners.
        public static let labelBytes = SerialSettings.maximumLength
        /// Places at which one text is followed; of more than these, the one unseen for longest is forgotten.
        public static let places = 8
        /// How long a label is believed to be where it was because nothing moves.
        public static let still: Duration = .seconds(10)
        /// A label has travelled once it went this part of the frame's width or height: 1/16.
        public static let travel = 16
    }

    /// One text in its passage.
    struct Label {
        var lastSeen: Duration
        /// When a frame really read it; `lastSeen` also moves while nothing changes.
        var lastRead: Duration
        var seenIn: UInt64
        var frames = 0
        var isTold = false
        var places: [BeltPlace] = []
    }

    struct Key: Hashable {
        var bytes: [UInt8]
        var symbology: Symbology
        var part: CodePart?
    }

    private let settings: BeltSettings
    private var labels: [Key: Label] = [:]
    private var motion = BeltMotion()
    private var now = Duration.zero
    /// Frames since the start: the camera's own numbers may begin anew.
    private var count: UInt64 = 0

    /// A tracker of a camera that was just opened.
    public init(_ settings: BeltSettings) { self.settings = settings }

    /// Labels that are remembered now, at most `Limits.labels`.
    public var remembered: Int { labels.count }

    /// Whether something moves through the picture of which no label is read yet: its frames are worth being kept for the
    /// no-read that it may become.
    public var isWatching: Bool { settings.tellsNoRead && motion.isWithoutLabel }

    /// Takes the next frame, and says what is to be told, in the order of the frame's codes.
    ///
    /// A frame older than the one before is taken to be as old as it.
    public mutating func frame(_ frame: BeltFrame) -> [BeltEvent] {
        let before = now
        let wasInSight = labels.values.contains { $0.lastSeen == before && $0.frames >= settings.agree }
        now = max(now, frame.time)
        count += 1
        if !frame.changed { keepStill(since: before) }
        labels = labels.filter { now - $0.value.lastSeen < settings.againAfter }

        var events: [BeltEvent] = []
        var reads = false
        for code in frame.codes where !code.bytes.isEmpty && code.bytes.count <= Limits.labelBytes {
            guard let told = see(code, in: frame) else { continue }
            reads = true
            if told { events.append(code.part == nil ? .scan(code) : .part(code)) }
        }
        guard settings.tellsNoRead else { return events }
        if let passage = motion.frame(frame.number, changed: frame.changed, reads: reads, wasInSight: wasInSight) {
            events.append(.noRead(firstFrame: passage.first, lastFrame: passage.last))
        }
        return events
    }

    /// What was in sight in the frame before, and nothing moved: it is in sight now.
    private mutating func keepStill(since before: Duration) {
        for (key, label) in labels where label.lastSeen == before && now - label.lastRead <= Limits.still {
            labels[key]?.lastSeen = now
        }
    }

    /// Notes a code. Nil for one that is no certain reading yet; else whether it is to be told now.
    private mutating func see(_ code: Sighting, in frame: BeltFrame) -> Bool? {
        let key = Key(bytes: code.bytes, symbology: code.symbology, part: code.part)
        guard var label = labels.removeValue(forKey: key) ?? newLabel() else { return nil }
        defer { labels[key] = label }
        if label.seenIn != count {
            label.frames = min(label.frames + 1, settings.agree)
            label.seenIn = count
        }
        (label.lastSeen, label.lastRead) = (now, now)
        let travelled = settings.direction == .any || follow(code, in: frame, of: &label)
        guard label.frames >= settings.agree else { return nil }
        guard travelled, !label.isTold else { return false }
        label.isTold = true
        return true
    }

    /// A label at the beginning of its passage; nil where there is no room.
    private mutating func newLabel() -> Label? {
        if labels.count >= Limits.labels {
            let oldest = labels.filter { $0.value.seenIn != count }.min { $0.value.lastSeen < $1.value.lastSeen }
            guard let oldest else { return nil }
            labels[oldest.key] = nil
        }
        return Label(lastSeen: now, lastRead: now, seenIn: 0)
    }

    /// Follows one copy of a label; whether it has travelled the right way, now or before.
    private func follow(_ code: Sighting, in frame: BeltFrame, of label: inout Label) -> Bool {
        guard let seen = BeltPlace(code, along: settings.direction, number: frame.number, serial: count) else {
            return false
        }
        // What was never seen twice in one frame is one copy, however far it jumps: counted rather than lost.
        let nearest = label.places.indices
            .filter { label.places[$0].serial != count && (label.places.count == 1 || label.places[$0].reaches(seen)) }
            .min { label.places[$0].distance(to: seen) < label.places[$1].distance(to: seen) }
        let place: BeltPlace
        if let nearest {
            label.places[nearest].move(to: seen)
            place = label.places[nearest]
        } else {
            if label.places.count >= Limits.places,
                let oldest = label.places.indices.min(by: { label.places[$0].serial < label.places[$1].serial })
            {
                label.places.remove(at: oldest)
            }
            label.places.append(seen)
            place = seen
        }
        let side = settings.direction.isHorizontal ? frame.width : frame.height
        return place.travelled >= max(1, side / Limits.travel)
    }
}

/// What an output does for one signal: beats and pauses in turn. At most 16 beats, 3 s in all; none is silence.
public struct SignalPattern: Sendable, Equatable {
    /// One tone, one flash, or one pause.
    public struct Beat: Sendable, Equatable {
        /// A frequency in Hz for a sound, a colour for a light; nil for a pause.
        public let what: String?
        /// 10 to 2,000 ms.
        public let duration: Duration
    }

    /// What is wrong with a pattern's text.
    public struct Mistake: Error, Sendable, Equatable {
        /// A sentence.
        public let text: String
    }

    /// In their order.
    public let beats: [Beat]

    /// How long it takes.
    public var duration: Duration { beats.reduce(.zero) { $0 + $1.duration } }

    /// Nothing.
    public static let silence = SignalPattern(unchecked: [])

    init(unchecked beats: [Beat]) { self.beats = beats }

    /// Reads `1800:80 -:60 1200:160` (a sound: Hz and milliseconds, `-` for a pause) or `green:150 -:120 green:150` (a
    /// light). An empty text is silence.
    public init(_ text: String) throws(Mistake) {
        var beats: [Beat] = []
        for word in text.split(separator: " ") {
            let parts = word.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, let ms = Int64(parts[1]), (10...2000).contains(ms) else {
                throw Mistake(text: "\(word) is no beat: write WHAT:MS, MS from 10 to 2000, or -:MS for a pause")
            }
            beats.append(Beat(what: parts[0] == "-" ? nil : String(parts[0]), duration: .milliseconds(ms)))
        }
        self.beats = beats
        guard beats.count <= 16, duration <= .seconds(3) else {
            throw Mistake(text: "the pattern is too long: at most 16 beats, 3000 ms in all")
        }
    }

    /// The frequencies that a sound has; a beat that is none, or not from 100 to 8000 Hz, is a mistake.
    public func checkTones() throws(Mistake) {
        for beat in beats {
            guard let what = beat.what else { continue }
            guard let hertz = Int(what), (100...8000).contains(hertz) else {
                throw Mistake(text: "\(what) is no tone: write a frequency from 100 to 8000 Hz")
            }
        }
    }

    /// The colours that a light has; any other is a mistake.
    public func checkColours(_ known: [String]) throws(Mistake) {
        for beat in beats {
            guard let what = beat.what, !known.contains(what) else { continue }
            throw Mistake(text: "\(what) is no colour of this output: it has \(known.joined(separator: ", "))")
        }
    }

    /// The same rhythm in the colours that a light has: one that it lacks becomes its first.
    func shown(in colours: [String]) -> SignalPattern {
        SignalPattern(
            unchecked: beats.map { beat in
                guard let what = beat.what, !colours.contains(what) else { return beat }
                return Beat(what: colours.first, duration: beat.duration)
            })
    }
}

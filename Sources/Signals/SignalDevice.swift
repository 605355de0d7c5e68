/// What makes one output's signals seen or heard. Confined to the output's thread, the one place where it may block.
///
/// Opened by the first pattern; after an error it is closed, and opened again by the next.
protocol SignalDevice: AnyObject {
    /// Begins a pattern, in place of one that is under way.
    ///
    /// - Returns: when to call `next`; nil where the pattern is over.
    func begin(_ pattern: SignalPattern) throws(SignalError) -> Duration?

    /// Goes on with the pattern; as `begin`.
    func next() throws(SignalError) -> Duration?

    /// Ends what is under way, and lets go of the device.
    func close()
}

/// The beats of a pattern as switching on and off, for devices that can do no more than that.
struct BeatSequence {
    private var rest: ArraySlice<SignalPattern.Beat>

    init(_ pattern: SignalPattern) { rest = pattern.beats[...] }

    /// Switches for the next beat; its duration, or nil where it was the last.
    mutating func step(_ show: (_ what: String?) throws(SignalError) -> Void) throws(SignalError) -> Duration? {
        guard let beat = rest.popFirst() else {
            try show(nil)
            return nil
        }
        try show(beat.what)
        return beat.duration
    }
}

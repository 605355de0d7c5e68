public import Model

/// The shipped patterns: docs/signals.md has them as a table.
///
/// Each signal has a rhythm of its own (one short; short, long; two short; two short and one long; two long), the same
/// as sound and as light, so that neither pitch nor colour is needed to tell them apart.
public enum SignalPatterns {
    /// As a sound.
    public static let sound: [Signal: SignalPattern] = [
        .stored: tones([(1800, 80)]),
        .storedOffline: tones([(1800, 80), (1200, 240)]),
        .duplicate: tones([(1400, 80), (1400, 80)]),
        .bagComplete: tones([(1200, 80), (1600, 80), (2100, 260)]),
        .refused: tones([(450, 320), (450, 320)]),
    ]

    /// As a light, in the colours `green`, `amber` and `red`; a light that lacks one shows its first instead.
    public static let light: [Signal: SignalPattern] = [
        .stored: flashes("green", [150]),
        .storedOffline: flashes("amber", [150, 450]),
        .duplicate: flashes("amber", [150, 150]),
        .bagComplete: flashes("green", [150, 150, 450]),
        .refused: flashes("red", [450, 450]),
    ]

    private static func tones(_ tones: [(hertz: Int, ms: Int64)]) -> SignalPattern {
        joined(tones.map { (String($0.hertz), $0.ms) }, pauseMs: 70)
    }

    private static func flashes(_ colour: String, _ flashes: [Int64]) -> SignalPattern {
        joined(flashes.map { (colour, $0) }, pauseMs: 130)
    }

    private static func joined(_ parts: [(what: String, ms: Int64)], pauseMs: Int64) -> SignalPattern {
        let pause = SignalPattern.Beat(what: nil, duration: .milliseconds(pauseMs))
        let beats = parts.map { [SignalPattern.Beat(what: $0.what, duration: .milliseconds($0.ms))] }
        return SignalPattern(unchecked: Array(beats.joined(separator: [pause])))
    }
}

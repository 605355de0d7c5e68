internal import Glibc

/// Synthesised sound: samples of 16 bits, one channel.
enum Tone {
    /// A pattern as samples. Tones have a third harmonic, which small loudspeakers render better than a low fundamental,
    /// and ramps of 4 ms, without which they click.
    ///
    /// - Parameter volume: 0 to 100, of full scale.
    static func samples(_ pattern: SignalPattern, rate: Int, volume: Int) -> [Int16] {
        var out: [Int16] = []
        for beat in pattern.beats {
            let count = Int(beat.duration / .microseconds(1)) * rate / 1_000_000
            guard let hertz = beat.what.flatMap({ Double($0) }) else {
                out.append(contentsOf: repeatElement(0, count: count))
                continue
            }
            let ramp = max(1, min(rate * 4 / 1000, count / 2))
            let step = 2 * Double.pi * hertz / Double(rate)
            for index in 0..<count {
                let edge = min(1, Double(min(index + 1, count - index)) / Double(ramp))
                let phase = step * Double(index)
                let wave = (sin(phase) + 0.3 * sin(3 * phase)) / 1.3
                out.append(Int16(wave * edge * Double(volume) / 100 * 32_000))
            }
        }
        return out
    }
}

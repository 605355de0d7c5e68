internal import CALSA
internal import Glibc

/// A sound card by ALSA. A pattern is written into the card's buffer at once, or as much of it as fits, and plays by itself.
///
/// The device stays open, since opening takes longer than a tone may; between patterns it is stopped, so that the card
/// makes no interrupts.
final class SoundDevice: SignalDevice {
    private static let wantedRate: UInt32 = 48_000
    /// Of silence behind each pattern: a card that runs dry repeats or cuts what it has.
    private static let tailMs = 40

    private let name: String
    private let volume: Int
    private var pcm: OpaquePointer?
    private var rate = Int(SoundDevice.wantedRate)
    private var bufferMs: Int64 = 0
    private var samples: [Int16] = []
    private var written = 0
    /// Five patterns, rendered once.
    private var rendered: [(pattern: SignalPattern, samples: [Int16])] = []

    init(device: String, volume: Int) {
        name = device
        self.volume = volume
    }

    func begin(_ pattern: SignalPattern) throws(SignalError) -> Duration? {
        if pcm == nil { try open() }
        guard let pcm else { return nil }
        snd_pcm_drop(pcm)
        try check(snd_pcm_prepare(pcm), "be got ready")
        guard !pattern.beats.isEmpty else { return nil }
        samples = render(pattern)
        written = 0
        return try write()
    }

    func next() throws(SignalError) -> Duration? {
        guard let pcm else { return nil }
        if written < samples.count { return try write() }
        snd_pcm_drop(pcm)
        return nil
    }

    func close() {
        guard let pcm else { return }
        snd_pcm_drop(pcm)
        snd_pcm_close(pcm)
        self.pcm = nil
    }

    private func open() throws(SignalError) {
        scangate_alsa_quiet()
        var handle: OpaquePointer?
        let code = snd_pcm_open(&handle, name, SND_PCM_STREAM_PLAYBACK, Int32(SND_PCM_NONBLOCK))
        guard code == 0, let handle else { throw failure(code, "be opened") }
        pcm = handle
        var rate = Self.wantedRate
        var bufferUs: UInt32 = 1_000_000
        var step: UnsafePointer<CChar>?
        let wrong = scangate_pcm_set_up(handle, &rate, 10_000, &bufferUs, &step)
        guard wrong >= 0 else {
            let part = step.map { String(cString: $0) } ?? "parameters"
            close()
            throw SignalError(
                "sound device \(name) cannot be set up (\(part)): \(Self.text(wrong))",
                hint: "name the card with conversion: device = \"plughw:1,0\" or \"default\"")
        }
        if Int(rate) != self.rate { rendered = [] }
        self.rate = Int(rate)
        bufferMs = Int64(bufferUs) / 1000
    }

    private func render(_ pattern: SignalPattern) -> [Int16] {
        if let known = rendered.first(where: { $0.pattern == pattern }) { return known.samples }
        let tail = repeatElement(Int16(0), count: rate * Self.tailMs / 1000)
        let samples = Tone.samples(pattern, rate: rate, volume: volume) + tail
        if rendered.count >= 8 { rendered.removeFirst() }
        rendered.append((pattern, samples))
        return samples
    }

    // Writes what fits; returns when to write on, or when all of it has been played.
    private func write() throws(SignalError) -> Duration? {
        guard let pcm else { return nil }
        var mended = false
        let before = written
        while written < samples.count {
            let count = samples.withUnsafeBufferPointer { all in
                all.baseAddress.map { snd_pcm_writei(pcm, $0 + written, snd_pcm_uframes_t(all.count - written)) } ?? 0
            }
            if count > 0 {
                written += count
            } else if count == -snd_pcm_sframes_t(EAGAIN) || count == 0 {
                return .milliseconds(max(5, bufferMs / 4))
            } else if count == -snd_pcm_sframes_t(EPIPE), !mended {
                // It ran dry; once a write, or a card that does nothing else would hold the thread.
                mended = true
                try check(snd_pcm_prepare(pcm), "be got ready")
            } else {
                try check(Int32(clamping: count), "be played on")
            }
        }
        // Not every plug-in knows how much it still has to play.
        var delay: snd_pcm_sframes_t = 0
        _ = snd_pcm_delay(pcm, &delay)
        return .milliseconds(Int64(max(delay, written - before)) * 1000 / Int64(rate) + 1)
    }

    private func check(_ code: Int32, _ action: String) throws(SignalError) {
        guard code < 0 else { return }
        let error = failure(code, action)
        close()
        throw error
    }

    private func failure(_ code: Int32, _ action: String) -> SignalError {
        let hint =
            switch -code {
            case ENOENT, ENODEV, ENXIO: "is it plugged in? which there are: aplay -l; device = \"plughw:CARD,0\""
            case EACCES, EPERM: "the daemon may not use it: see docs/signals.md, \"Rights\""
            case EBUSY: "another program has the card; device = \"default\" shares it where the card has a mixer"
            default: ""
            }
        return SignalError("sound device \(name) cannot \(action): \(Self.text(code))", hint: hint)
    }

    private static func text(_ code: Int32) -> String { String(cString: snd_strerror(code)) }
}

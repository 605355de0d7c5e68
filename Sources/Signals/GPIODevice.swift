internal import CGPIOD
internal import Glibc
internal import Posix

/// Lamps and buzzers at GPIO lines, one line a colour; the lines are this process's from the first signal on.
final class GPIODevice: SignalDevice {
    private let name: String
    private let lines: [SignalSettings.Line]
    private let isActiveLow: Bool
    private var chip: OpaquePointer?
    private var requested: [String: OpaquePointer] = [:]
    private var lit: String?
    private var beats = BeatSequence(.silence)

    init(chip: String, lines: [SignalSettings.Line], isActiveLow: Bool) {
        name = chip
        self.lines = lines
        self.isActiveLow = isActiveLow
    }

    func begin(_ pattern: SignalPattern) throws(SignalError) -> Duration? {
        if chip == nil { try open() }
        beats = BeatSequence(pattern)
        return try next()
    }

    func next() throws(SignalError) -> Duration? { try beats.step { what throws(SignalError) in try show(what) } }

    func close() {
        try? show(nil)
        release()
    }

    private func open() throws(SignalError) {
        // By path, name, label or number.
        guard let chip = gpiod_chip_open_lookup(name) else { throw SignalError(SystemError("open", name)) }
        self.chip = chip
        lit = nil
        for line in lines {
            let subject = "line \(line.offset) of \(name)"
            guard let handle = gpiod_chip_get_line(chip, line.offset) else {
                let error = SystemError("find", subject)
                release()
                throw SignalError(error.description, hint: "which lines there are: gpioinfo \(name)")
            }
            let flags = isActiveLow ? scangate_gpio_active_low : 0
            guard gpiod_line_request_output_flags(handle, "scangate", flags, 0) == 0 else {
                let error = SystemError("take", subject)
                release()
                throw SignalError(error)
            }
            requested[line.colour] = handle
        }
    }

    private func release() {
        for line in requested.values { gpiod_line_release(line) }
        requested = [:]
        if let chip { gpiod_chip_close(chip) }
        chip = nil
    }

    private func show(_ colour: String?) throws(SignalError) {
        guard colour != lit, chip != nil else { return }
        try set(lit, 0)
        lit = nil
        try set(colour, 1)
        lit = colour
    }

    private func set(_ colour: String?, _ value: Int32) throws(SignalError) {
        guard let colour, let line = requested[colour] else { return }
        guard gpiod_line_set_value(line, value) != 0 else { return }
        let error = SystemError("switch", "\(colour) of \(name)")
        release()
        throw SignalError(error)
    }
}

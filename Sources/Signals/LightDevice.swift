internal import Glibc
internal import Posix

/// A light that is switched by bytes: relay boards and stack lights at a serial line, HID lights by output reports
/// (hidraw: one write is one report, its number first).
final class LightDevice: SignalDevice {
    private let path: String
    private let baud: UInt32
    private let colours: [SignalSettings.Colour]
    private var file: Handle?
    private var lit: String?
    private var beats = BeatSequence(.silence)

    private final class Handle {
        let file: FileDescriptor
        init(_ file: consuming FileDescriptor) { self.file = file }
    }

    init(path: String, baud: UInt32, colours: [SignalSettings.Colour]) {
        self.path = path
        self.baud = baud
        self.colours = colours
    }

    func begin(_ pattern: SignalPattern) throws(SignalError) -> Duration? {
        if file == nil {
            do { file = Handle(try open()) } catch { throw SignalError(error) }
            lit = nil
        }
        beats = BeatSequence(pattern)
        return try next()
    }

    func next() throws(SignalError) -> Duration? { try beats.step { what throws(SignalError) in try show(what) } }

    func close() {
        try? show(nil)
        file = nil
    }

    private func open() throws(SystemError) -> FileDescriptor {
        guard !isHID else { return try FileDescriptor.open(path, O_RDWR | O_NONBLOCK) }
        return try SerialLine.open(path, baud: baud)
    }

    /// A link made by a udev rule may have any name.
    private var isHID: Bool {
        guard let resolved = realpath(path, nil) else { return path.hasPrefix("/dev/hidraw") }
        defer { free(resolved) }
        return String(cString: resolved).hasPrefix("/dev/hidraw")
    }

    private func show(_ colour: String?) throws(SignalError) {
        guard colour != lit, let file else { return }
        do {
            if let old = colours.first(where: { $0.name == lit }) { try file.file.write(old.off, subject: path) }
            lit = nil
            if let new = colours.first(where: { $0.name == colour }) { try file.file.write(new.on, subject: path) }
            lit = colour
        } catch {
            self.file = nil
            throw SignalError(error)
        }
    }
}

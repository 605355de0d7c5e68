import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A keyboard of the test: what is written to one end of a socket is what the driver reads; the rest of the kernel is a
/// few values.
final class FakeKeyboard: Sendable {
    struct State {
        var down: [UInt16] = []
        var pressedOnGrab: [UInt16] = []
        var isGrabbed = false
        var isThere = true
        var grabs = 0
        var now: Int64 = 0
        var keys: [UInt16] = [2, 28, 30]
        var busy = false
    }

    let state = Mutex(State())
    let ours: FileDescriptor
    private let theirs: FileDescriptor

    init() throws {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_NONBLOCK.rawValue), 0, &ends) == 0 else {
            throw SetupError("socketpair")
        }
        ours = FileDescriptor(owning: ends[0])
        theirs = FileDescriptor(owning: ends[1])
    }

    func type(_ events: [InputEvent]) throws {
        for start in stride(from: 0, to: events.count, by: 40) {
            try ours.write(events[start..<min(start + 40, events.count)].flatMap(\.bytes), subject: "keyboard")
        }
    }

    /// What the driver has written to it: the lights, each as code and value.
    func lights() throws -> [[Int32]] {
        var buffer = [UInt8](repeating: 0, count: 960)
        guard let count = try ours.read(into: &buffer, subject: "keyboard") else { return [] }
        return InputEvent.parse(buffer[..<count]).filter { $0.type == InputEvent.light }.map {
            [Int32($0.code), $0.value]
        }
    }

    var kernel: KeyboardKernel {
        KeyboardKernel(
            open: { [self] path throws(SystemError) in
                let copy = dup(theirs.raw)
                guard copy >= 0 else { throw SystemError("open", path) }
                return .init(file: FileDescriptor(owning: copy), keys: state.withLock { $0.keys })
            },
            prepare: { _, _ in },
            keysDown: { [self] descriptor, _ in
                // The kernel drops the key events that wait.
                var buffer = [UInt8](repeating: 0, count: 960)
                while read(descriptor, &buffer, buffer.count) > 0 {}
                return state.withLock { $0.down }
            },
            grab: { [self] _, path throws(SystemError) in
                let isBusy = state.withLock { state in
                    guard !state.busy else { return true }
                    state.isGrabbed = true
                    state.grabs += 1
                    state.down += state.pressedOnGrab
                    state.pressedOnGrab = []
                    return false
                }
                if isBusy { throw SystemError("take for itself", path, code: EBUSY) }
            },
            release: { [self] _, _ in state.withLock { $0.isGrabbed = false } },
            isThere: { [self] _ in state.withLock { $0.isThere } },
            now: { [self] in state.withLock { $0.now } })
    }
}

/// Keeps grabs as a test can see.
final class TestKeeper: GrabKeeper {
    private let said = Mutex<[String]>([])
    private let kept: Mutex<(descriptor: Int32, isAtRest: Bool)?>

    private let isFull: Bool

    init(kept: (descriptor: Int32, isAtRest: Bool)? = nil, isFull: Bool = false) {
        self.kept = Mutex(kept)
        self.isFull = isFull
    }

    var calls: [String] { said.withLock { $0 } }

    func take(_ path: String) -> KeptGrab? {
        kept.withLock { kept in
            defer { kept = nil }
            return kept.map { KeptGrab(file: FileDescriptor(owning: dup($0.descriptor)), isAtRest: $0.isAtRest) }
        }
    }
    func keep(_ descriptor: Int32) throws(SystemError) {
        if isFull { throw SystemError("keep", "a keyboard", code: ENOSPC) }
        said.withLock { $0.append("keep") }
    }
    func rest(_ descriptor: Int32) { said.withLock { $0.append("rest") } }
    func forget(_ descriptor: Int32) { said.withLock { $0.append("forget") } }
}

@Suite struct KeyboardDriverTests {
    /// A driver, and one opening of it.
    private final class Opening {
        let keyboard: FakeKeyboard
        let driver: KeyboardDriver
        let file: FileDescriptor
        let first: [ScannerOutput]

        init(
            _ keyboard: FakeKeyboard, keeper: TestKeeper? = nil, _ change: (inout KeyboardSettings) -> Void = { _ in }
        ) throws {
            self.keyboard = keyboard
            driver = KeyboardDriver(
                .scan(try ScannersTests.keyboard("us", change)), keeper: keeper, kernel: keyboard.kernel)
            file = try driver.open("/dev/input/event3")
            first = try driver.begin(file.raw)
        }

        /// What comes of everything that waits, read as a port reads it.
        func read() throws -> [ScannerOutput] {
            var out: [ScannerOutput] = []
            var buffer = [UInt8](repeating: 0, count: 960)
            while let count = try file.read(into: &buffer, subject: "keyboard"), count > 0 {
                out += try driver.received(buffer[..<count], from: file.raw)
            }
            return out
        }
    }

    private func typist(_ keyboard: FakeKeyboard) throws -> Typist {
        var typist = try Typist()
        typist.time = keyboard.state.withLock { $0.now } + 600_000
        return typist
    }

    @Test func `a keyboard is taken at once where no key is down, and its scans are read`() throws {
        let keyboard = try FakeKeyboard()
        let keeper = TestKeeper()
        let opening = try Opening(keyboard, keeper: keeper)
        #expect(keyboard.state.withLock { $0.isGrabbed } && keeper.calls == ["keep"])
        #expect(opening.first == [.write(KeyboardLights.rest(capsLock: false))])
        var typist = try typist(keyboard)
        try typist.scan("SB00042")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [scanned("SB00042")])
        #expect(opening.driver.patience == nil)
        #expect(opening.driver.ended() == [] && keeper.calls == ["keep", "rest"])
    }

    @Test func `a keyboard that cannot be kept over a restart is read all the same, and the admin is told`() throws {
        let keyboard = try FakeKeyboard()
        let opening = try Opening(keyboard, keeper: TestKeeper(isFull: true))
        #expect(keyboard.state.withLock { $0.isGrabbed })
        guard case .complaint(let sentence) = opening.first.first else { throw SetupError("nobody is told") }
        #expect(sentence.contains("restart") && sentence.contains("No space left"))
        var typist = try typist(keyboard)
        try typist.scan("SB00042")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [scanned("SB00042")])
    }

    @Test func `while a key is down nothing is taken, and nothing is read as a scan`() throws {
        let keyboard = try FakeKeyboard()
        keyboard.state.withLock { $0.down = [28] }
        let opening = try Opening(keyboard)
        #expect(!keyboard.state.withLock { $0.isGrabbed } && opening.first == [])
        #expect(opening.driver.patience == .seconds(10))
        var typist = try typist(keyboard)
        try typist.scan("SB00041")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [])
        #expect(!keyboard.state.withLock { $0.isGrabbed })
        // Its release is what wakes the driver.
        keyboard.state.withLock { $0.down = [] }
        typist.key(28, 0)
        try keyboard.type(typist.take())
        #expect(try opening.read() == [.write(KeyboardLights.rest(capsLock: false))])
        #expect(keyboard.state.withLock { $0.isGrabbed })
        typist.time += 1_000_000
        try typist.scan("SB00042")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [scanned("SB00042")])
    }

    @Test func `a key that went down just before the grab is left to those who saw it`() throws {
        let keyboard = try FakeKeyboard()
        keyboard.state.withLock { $0.pressedOnGrab = [28] }
        let opening = try Opening(keyboard)
        #expect(!keyboard.state.withLock { $0.isGrabbed } && opening.first == [])
        keyboard.state.withLock { $0.down = [] }
        var typist = try typist(keyboard)
        typist.key(28, 0)
        try keyboard.type(typist.take())
        _ = try opening.read()
        #expect(keyboard.state.withLock { $0.isGrabbed })
    }

    @Test func `a key that stays down for ten seconds is waited for no longer`() throws {
        let keyboard = try FakeKeyboard()
        keyboard.state.withLock { $0.down = [30] }
        let opening = try Opening(keyboard)
        keyboard.state.withLock { $0.now = 9_999_999 }
        #expect(opening.driver.fellSilent() == [] && !keyboard.state.withLock { $0.isGrabbed })
        keyboard.state.withLock { $0.now = 10_000_000 }
        #expect(opening.driver.fellSilent() == [.write(KeyboardLights.rest(capsLock: false))])
        var typist = try typist(keyboard)
        try typist.scan("SB00042")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [scanned("SB00042")])
    }

    @Test func `a keyboard that another program holds, and a device without keys, are errors`() throws {
        let busy = try FakeKeyboard()
        busy.state.withLock { $0.busy = true }
        #expect(throws: SystemError.self) { _ = try Opening(busy) }
        let mouse = try FakeKeyboard()
        mouse.state.withLock { $0.keys = [0x110, 0x111] }
        let error = #expect(throws: SystemError.self) { _ = try Opening(mouse) }
        #expect(error?.description.hasPrefix("cannot use as a keyboard /dev/input/event3 (it has no digits") == true)
    }

    @Test func `a kept grab is taken over with what waits in it, whole where its last reader was at rest`() throws {
        for isAtRest in [true, false] {
            let keyboard = try FakeKeyboard()
            var typist = try Typist()
            try typist.scan(isAtRest ? "SB00041" : "041")
            try typist.scan("SB00042")
            try keyboard.type(typist.take())
            keyboard.state.withLock { $0.now = typist.time + 1_000_000 }
            let before = try keyboard.kernel.open("")
            let keeper = TestKeeper(kept: (before.file.raw, isAtRest))
            let opening = try Opening(keyboard, keeper: keeper)
            #expect(keyboard.state.withLock { $0.grabs } == 0 && keeper.calls == [])
            #expect(try opening.read() == [isAtRest ? scanned("SB00041") : .dropped(.fragment), scanned("SB00042")])
        }
    }

    @Test func `a kept grab whose queue overflowed gives no scan of what is left`() throws {
        let keyboard = try FakeKeyboard()
        var typist = try Typist()
        try typist.type("SB0")
        typist.lose()
        try typist.scan("42")
        try keyboard.type(typist.take())
        let before = try keyboard.kernel.open("")
        let opening = try Opening(keyboard, keeper: TestKeeper(kept: (before.file.raw, true)))
        #expect(try opening.read() == [.dropped(.lostEvents)])
        typist.time += 2_000_000
        keyboard.state.withLock { $0.now = typist.time - 2_000_000 }
        try typist.scan("SB00043")
        try keyboard.type(typist.take())
        _ = try opening.read()
    }

    @Test func `a reader that stops in mid-scan says so, and a device that is gone is forgotten`() throws {
        let keyboard = try FakeKeyboard()
        let keeper = TestKeeper()
        let opening = try Opening(keyboard, keeper: keeper)
        var typist = try typist(keyboard)
        try typist.type("SB0")
        try keyboard.type(typist.take())
        _ = try opening.read()
        #expect(opening.driver.ended() == [.dropped(.fragment)] && keeper.calls == ["keep"])
        let gone = try Opening(try FakeKeyboard(), keeper: keeper)
        gone.keyboard.state.withLock { $0.isThere = false }
        #expect(gone.driver.ended() == [] && keeper.calls == ["keep", "keep", "forget"])
    }

    @Test func `lost events are passed over up to the kernel's answer`() throws {
        let keyboard = try FakeKeyboard()
        let opening = try Opening(keyboard)
        var typist = try typist(keyboard)
        try typist.type("SB0")
        typist.lose()
        try keyboard.type(typist.take())
        // Two reads more, which the driver takes in itself.
        try typist.scan("0042SB00043SB00044SB00045")
        try keyboard.type(typist.take())
        keyboard.state.withLock { $0.now = typist.time }
        #expect(try opening.read() == [.dropped(.lostEvents)])
        #expect(opening.driver.patience == .seconds(2))
        typist.time += 2_000_000
        try typist.scan("SB00046")
        try keyboard.type(typist.take())
        #expect(try opening.read() == [scanned("SB00046")])
    }

    @Test func `keys that are thrown away are counted, and nothing comes of them`() throws {
        let keyboard = try FakeKeyboard()
        let count = KeyboardDriver.KeyCount()
        let driver = KeyboardDriver(.discard(count), keeper: nil, kernel: keyboard.kernel)
        let file = try driver.open("/dev/input/event3")
        #expect(try driver.begin(file.raw) == [] && keyboard.state.withLock { $0.isGrabbed })
        var typist = try typist(keyboard)
        typist.hold([Key.leftControl, Key.leftAlt], 111)
        let bytes = typist.take().flatMap(\.bytes)
        #expect(try driver.received(bytes[...], from: file.raw) == [] && count.value == 3)
        #expect(driver.patience == nil && driver.answers.isEmpty && driver.ended() == [])
    }

    @Test func `five signals are five patterns of the lights, and end as they began`() throws {
        for capsLock in [false, true] {
            let driver = KeyboardDriver(try keyboard { ($0.usesLights, $0.capsLock) = (true, capsLock) })
            let answers = driver.answers
            #expect(answers.count == Signal.allCases.count)
            #expect(Set(Signal.allCases.map { "\(String(describing: answers[$0]))" }).count == 5)
            for answer in answers.values {
                #expect(answer.steps.count <= 16 && answer.steps.last?.bytes == KeyboardLights.rest(capsLock: capsLock))
                #expect(answer.steps.first?.bytes != answer.steps.last?.bytes)
            }
        }
        #expect(KeyboardDriver(try keyboard()).answers.isEmpty)
    }
}

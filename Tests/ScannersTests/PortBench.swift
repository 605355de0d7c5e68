import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// What a port says, in order.
enum Happening: Sendable {
    case reading(DeviceID, [UInt8])
    case event(DeviceID, ScannerEvent)
}

/// Takes readings in as the intake would; answers them as the test says.
final class TestSink: ReadingSink {
    typealias Reply = @Sendable (Acknowledgement) -> Void
    let happenings: AsyncStream<Happening>
    private let continuation: AsyncStream<Happening>.Continuation
    private let answer: @Sendable ([UInt8]) -> Acknowledgement?
    private let held = Mutex<[Reply]>([])

    /// - Parameter answer: nil leaves the reply to the test.
    init(_ answer: @escaping @Sendable ([UInt8]) -> Acknowledgement? = { _ in .stored }) {
        (happenings, continuation) = AsyncStream.makeStream()
        self.answer = answer
    }

    func submit(_ reading: Reading, from device: DeviceID, reply: @escaping Reply) {
        if let answer = answer(reading.bytes) { reply(answer) } else { held.withLock { $0.append(reply) } }
        continuation.yield(.reading(device, reading.bytes))
    }

    func note(_ event: ScannerEvent, from device: DeviceID) { continuation.yield(.event(device, event)) }

    /// Nothing more comes.
    func finish() { continuation.finish() }

    /// The replies that the test has to give.
    func takeHeld() -> [Reply] {
        held.withLock { held in
            defer { held = [] }; return held
        }
    }

    /// The next thing that `pick` takes; what comes before it is passed over.
    func next<T>(_ pick: (Happening) -> T?) async throws -> T {
        for await happening in happenings { if let found = pick(happening) { return found } }
        throw SetupError("the port says nothing more")
    }

    func nextBytes() async throws -> [UInt8] {
        try await next { if case .reading(_, let bytes) = $0 { bytes } else { nil } }
    }

    func nextLabel() async throws -> String { String(decoding: try await nextBytes(), as: UTF8.self) }

    func nextEvent() async throws -> ScannerEvent {
        try await next { if case .event(_, let event) = $0 { event } else { nil } }
    }

    func waitForConnection() async throws {
        _ = try await next { if case .event(_, .connected) = $0 { true } else { nil } }
    }
}

func device(_ name: String) throws -> DeviceID {
    guard let device = DeviceID(name) else { throw SetupError("\(name) is no name") }
    return device
}

/// Runs `body` with a directory and a poll thread of its own.
func withPoll(
    isolation: isolated (any Actor)? = #isolation, _ body: (String, PollThread) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let poll = try PollThread(name: "test-serial")
        defer { poll.stop() }
        try await body(directory, poll)
    }
}

/// Runs `body` while a port is read.
func reading(
    _ port: String, _ poll: PollThread, _ sink: TestSink, name: String = "scanner-1",
    isolation: isolated (any Actor)? = #isolation, _ change: (inout SerialSettings) -> Void = { _ in },
    _ body: () async throws -> Void
) async throws {
    var settings = SerialSettings()
    change(&settings)
    let port = ScannerPort(
        route: ScannerRoute(try device(name)), path: port, poll: poll, sink: sink, clock: .system
    ) { [settings] in SerialDriver(settings) }
    try await port.start()
    do { try await body() } catch {
        await port.stop()
        throw error
    }
    await port.stop()
}

/// Points a link at another terminal in one step, as udev does.
func link(_ path: String, to target: String) throws {
    guard symlink(target, path + ".new") == 0, rename(path + ".new", path) == 0 else {
        throw SetupError("link \(path)")
    }
}

extension PseudoTerminal {
    func type(_ text: String) throws { try type(Array(text.utf8)) }

    func type(_ bytes: [UInt8]) throws { try scanner.write(bytes, subject: "terminal") }

    /// Nothing waits for the scanner.
    func expectNoAnswer(sourceLocation: SourceLocation = #_sourceLocation) {
        var ready = pollfd(fd: scanner.raw, events: Int16(POLLIN), revents: 0)
        let hasAnswer = Glibc.poll(&ready, 1, 0) > 0 && ready.revents & Int16(POLLIN) != 0
        #expect(!hasAnswer, sourceLocation: sourceLocation)
    }

    /// The next byte for the scanner.
    func answer(isolation: isolated (any Actor)? = #isolation) async throws -> UInt8 {
        let descriptor = scanner.raw
        try await eventually("an answer to the scanner") {
            var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            return Glibc.poll(&ready, 1, 0) > 0 && ready.revents & Int16(POLLIN) != 0
        }
        var byte = [UInt8](repeating: 0, count: 1)
        _ = try scanner.read(into: &byte, subject: "terminal")
        return byte[0]
    }
}

/// A scanner that can be unplugged.
final class Plug {
    private var terminal: PseudoTerminal?
    let path: String

    init(_ terminal: consuming PseudoTerminal) {
        path = terminal.path
        self.terminal = consume terminal
    }

    func type(_ text: String) throws { try terminal?.type(text) }
    func pull() { terminal = nil }
}

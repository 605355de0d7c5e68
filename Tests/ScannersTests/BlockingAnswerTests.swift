import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A scanner whose node takes nothing, and whose `write` waits as hidraw's does.
private final class StuckDriver: ScannerDriver {
    private let node: Int32

    init(_ node: Int32) { self.node = node }

    func open(_ path: String) throws(SystemError) -> FileDescriptor { FileDescriptor(owning: dup(node)) }
    func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] { [] }
    func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        [.scan(bytes: Array(bytes))]
    }
    var patience: Duration? { nil }
    func fellSilent() -> [ScannerOutput] { [] }
    func ended() -> [ScannerOutput] { [] }
    var answers: [Signal: Answer] { [.stored: Answer([1, 2, 3])] }
    var writesBlock: Bool { true }
}

private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

@Suite(.timeLimit(.minutes(5))) struct BlockingAnswerTests {
    @Test func `a scanner that takes no answer holds up neither who gives it nor the end of its port`() async throws {
        try await withPoll { directory, poll in
            var pair: [Int32] = [-1, -1]
            try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
            let scanner = FileDescriptor(owning: pair[0])
            let node = FileDescriptor(owning: pair[1])
            // Full, and blocking from here on.
            let junk = [UInt8](repeating: 0, count: 65_536)
            while send(node.raw, junk, junk.count, Int32(MSG_DONTWAIT)) > 0 {}
            while send(node.raw, junk, 1, Int32(MSG_DONTWAIT)) > 0 {}
            let sink = TestSink()
            let port = ScannerPort(
                route: ScannerRoute(try device("scanner-1")), path: directory + "/node", poll: poll, sink: sink,
                clock: .system
            ) { [raw = node.raw] in StuckDriver(raw) }
            let isDone = Flag()
            try await port.start()
            // Unstructured: should it wait for ever, the test has to go on.
            let giving = Task {
                for _ in 0..<100 { _ = await port.give(.stored) }
            }
            // Lets go of whoever waits, so that a failure ends.
            defer { shutdown(scanner.raw, Int32(SHUT_RDWR)) }
            Task {
                await giving.value
                isDone.set()
            }
            try await eventually("a hundred answers") { isDone.isSet }
            await port.stop()
        }
    }
}

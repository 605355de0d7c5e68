import FrameLink
import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A worker that does what a test says, on this side of a socket.
private final class Puppet: DecoderProcess, Sendable {
    let socket: MessageSocket
    let memory: FrameMemory?
    private let ended = Mutex(false)
    init(_ socket: MessageSocket, _ memory: FrameMemory?) { (self.socket, self.memory) = (socket, memory) }
    var hasEnded: Bool { ended.withLock { $0 } }
    func end() -> String {
        ended.withLock { $0 = true }
        return "signal 9"
    }

    func say(_ report: WorkerReport) { #expect(socket.send(report.message) == .taken) }
    /// The order that waits, if any.
    func order() -> WorkerOrder? {
        guard case .message(let message) = socket.receive(atMost: WorkerOrder.limit) else { return nil }
        return WorkerOrder(message)
    }
    /// The number of the frame that it was given.
    func frame() -> UInt64? { if case .frame(let order) = order() { order.number } else { nil } }
    func answer(_ number: UInt64, _ codes: [String] = [], isUnreadable: Bool = false) {
        var result = FrameResult(number: number)
        result.isUnreadable = isUnreadable
        result.codes = codes.map { FrameCode(bytes: Array($0.utf8), symbology: .qr) }
        for message in WorkerReport.messages(result) { #expect(socket.send(message) == .taken) }
    }
}

private final class Puppets: Sendable {
    private let puppets = Mutex<[Puppet]>([])
    var all: [Puppet] { puppets.withLock { $0 } }
    var last: Puppet { all[all.count - 1] }
    var program: DecoderProgram {
        DecoderProgram { [self] (socket, memory) throws(SystemError) in
            let puppet = Puppet(
                MessageSocket(FileDescriptor(owning: dup(socket))), try FrameMemory(FileDescriptor(owning: dup(memory)))
            )
            puppets.withLock { $0.append(puppet) }
            return puppet
        }
    }
}

struct FrameDecoderTests {
    private let puppets = Puppets()
    private let decoder: FrameDecoder

    init() { decoder = FrameDecoder(puppets.program) }

    private func offer(_ number: UInt64, at now: Int64 = 0, keeps: Bool = false) {
        let isTaken = decoder.offer(number, at: now, keeps: keeps) { slot in
            slot.storeBytes(of: number, as: UInt64.self)
            return (.luma(width: 4, height: 2), 8)
        }
        #expect(isTaken)
    }

    private func ready() {
        #expect(decoder.begin(at: 0).isEmpty)
        puppets.last.say(.ready)
        #expect(decoder.read(at: 0).isEmpty)
        decoder.pump(at: 0)
    }

    private static func frames(_ events: [FrameDecoder.Event]) -> [UInt64] {
        events.compactMap { if case .frame(let result, _) = $0 { result.number } else { nil } }
    }

    private static func troubles(_ events: [FrameDecoder.Event]) -> [String] {
        events.compactMap { if case .trouble(let text) = $0 { text } else { nil } }
    }

    @Test func `the newest frame waits, and older ones give way`() {
        ready()
        offer(1)
        #expect(puppets.last.frame() == 1)
        for number in UInt64(2)...5 { offer(number) }
        #expect(puppets.last.frame() == nil)
        puppets.last.answer(1)
        #expect(Self.frames(decoder.read(at: 0)) == [1])
        decoder.pump(at: 0)
        #expect(puppets.last.frame() == 5)
        #expect(decoder.counts == .init(offered: 5, replaced: 3, answered: 1))
    }

    @Test func `the frame that the worker has is not written over`() throws {
        ready()
        offer(1)
        guard case .frame(let first) = puppets.last.order() else { throw SetupError("no frame") }
        for number in UInt64(2)...5 {
            offer(number)
        }
        puppets.last.answer(1)
        _ = decoder.read(at: 0)
        decoder.pump(at: 0)
        guard case .frame(let second) = puppets.last.order() else { throw SetupError("no frame") }
        #expect(first.slot != second.slot && second.number == 5)
    }

    @Test func `frames that come before the worker is ready are not lost`() {
        #expect(decoder.begin(at: 0).isEmpty)
        offer(1)
        offer(2)
        #expect(puppets.last.order() == nil)
        puppets.last.say(.ready)
        #expect(decoder.read(at: 0).isEmpty)
        decoder.pump(at: 0)
        #expect(puppets.last.frame() == 2)
    }

    @Test func `a worker that ends at a frame is replaced at once, and does not get that frame again`() {
        ready()
        offer(1)
        let first = puppets.last
        #expect(first.frame() == 1)
        offer(2)
        shutdown(first.socket.file.raw, Int32(SHUT_RDWR))
        let events = decoder.read(at: 10)
        #expect(Self.troubles(events).count == 1 && Self.troubles(events)[0].contains("signal 9"))
        #expect(first.hasEnded && puppets.all.count == 2)
        puppets.last.say(.ready)
        _ = decoder.read(at: 20)
        decoder.pump(at: 20)
        #expect(puppets.last.frame() == 2)
        #expect(decoder.counts.poison == 1 && decoder.counts.deaths == 1)
    }

    @Test func `a worker that takes too long is killed`() {
        ready()
        offer(1, at: 1_000_000)
        #expect(decoder.deadline == 3_000_000)
        #expect(decoder.tick(at: 2_999_999).isEmpty)
        #expect(Self.troubles(decoder.tick(at: 3_000_000)).count == 1)
        #expect(puppets.all[0].hasEnded && puppets.all.count == 2 && decoder.counts.poison == 1)
    }

    @Test(arguments: [
        WorkerReport.frame(FrameResult(number: 99), codes: 0), .ready, .kept(5),
        .code(FrameCode(bytes: [1], symbology: .qr), index: 0, of: 1), .unfit("no"),
    ]) func `a worker that says what nobody asked is killed, and nothing of it believed`(rubbish: WorkerReport) {
        ready()
        offer(1)
        puppets.last.say(rubbish)
        puppets.last.answer(1, ["SB99999"])
        let events = decoder.read(at: 0)
        #expect(Self.frames(events).isEmpty && Self.troubles(events).count == 1)
        #expect(puppets.all[0].hasEnded && puppets.all.count == 2)
        #expect(decoder.read(at: 0).isEmpty)
    }

    @Test func `bytes that are no message are no code`() {
        ready()
        offer(1)
        #expect(puppets.last.socket.send([UInt8](repeating: 4, count: 13_000)) == .taken)
        #expect(Self.frames(decoder.read(at: 0)).isEmpty)
        #expect(puppets.all[0].hasEnded)
    }

    @Test func `where both decoders have ended, the next frame is learnt, and only what changes is searched`() {
        ready()
        var number: UInt64 = 0
        /// The order for the next frame.
        func order(at now: Int64) -> FrameOrder? {
            number += 1
            offer(number, at: now)
            guard case .frame(let order) = puppets.last.order() else { return nil }
            return order
        }
        func end(in decoder: CodeDecoder, at now: Int64) {
            puppets.last.memory?.note(decoder)
            shutdown(puppets.last.socket.file.raw, Int32(SHUT_RDWR))
            #expect(Self.troubles(self.decoder.read(at: now)).count == 1)
            while self.decoder.descriptor == nil, let due = self.decoder.deadline { _ = self.decoder.tick(at: due) }
            puppets.last.say(.ready)
            _ = self.decoder.read(at: now)
        }
        #expect(order(at: 0)?.background == .searched)
        end(in: .zbar, at: 0)
        #expect(order(at: 1)?.without == .zbar)
        end(in: .zxing, at: 1)
        let learnt = order(at: 2)
        #expect(learnt?.background == .learnt && learnt?.without == nil)
        puppets.last.answer(number)
        #expect(Self.unsearched(decoder.read(at: 3)) == 1)
        let hidden = order(at: 4)
        #expect(hidden?.background == .hidden && hidden?.without == nil)
        puppets.last.answer(number)
        #expect(Self.unsearched(decoder.read(at: 5)) == 0)
        // It ends at what has changed: that is learnt, by a worker that knows nothing yet.
        #expect(order(at: 6)?.background == .hidden)
        end(in: .zxing, at: 6)
        #expect(order(at: 7)?.background == .learnt)
        // A frame that came damaged teaches nothing.
        puppets.last.answer(number, isUnreadable: true)
        #expect(Self.unsearched(decoder.read(at: 8)) == 0)
        #expect(order(at: 9)?.background == .learnt)
        puppets.last.answer(number)
        #expect(Self.unsearched(decoder.read(at: 10)) == 1)
        // Its time is over.
        #expect(order(at: 6 + 2 * LeftOut.first)?.background == .searched)
        puppets.last.answer(number)
        #expect(Self.unsearched(decoder.read(at: 30_000_000)) == 0)
    }

    private static func unsearched(_ events: [FrameDecoder.Event]) -> Int {
        events.count { if case .unsearched = $0 { true } else { false } }
    }

    @Test func `workers that die again and again are started ever later`() {
        ready()
        var now: Int64 = 0
        var delays: [Int64] = []
        for number in UInt64(1)...10 {
            offer(number, at: now)
            _ = puppets.last.frame()
            shutdown(puppets.last.socket.file.raw, Int32(SHUT_RDWR))
            _ = decoder.read(at: now)
            if let due = decoder.deadline, decoder.descriptor == nil {
                delays.append((due - now) / 1000)
                #expect(decoder.tick(at: due - 1).isEmpty && decoder.descriptor == nil)
                now = due
                #expect(decoder.tick(at: now).isEmpty)
            }
            puppets.last.say(.ready)
            _ = decoder.read(at: now)
            decoder.pump(at: now)
        }
        #expect(delays == [50, 100, 200, 400, 800, 1600, 2000, 2000, 2000])
        // One answer, and it is believed again.
        offer(11, at: now)
        puppets.last.answer(puppets.last.frame() ?? 0)
        #expect(Self.frames(decoder.read(at: now)) == [11])
        offer(12, at: now)
        let count = puppets.all.count
        shutdown(puppets.last.socket.file.raw, Int32(SHUT_RDWR))
        _ = decoder.read(at: now)
        #expect(puppets.all.count == count + 1)
    }

    @Test func `a decoder that never becomes ready is given up`() {
        var now: Int64 = 0
        var unfit: [String] = []
        _ = decoder.begin(at: now)
        for _ in 0..<20 where unfit.isEmpty {
            if decoder.descriptor == nil, let due = decoder.deadline {
                now = due
                _ = decoder.tick(at: now)
            }
            shutdown(puppets.last.socket.file.raw, Int32(SHUT_RDWR))
            for event in decoder.read(at: now) { if case .unfit(let text) = event { unfit.append(text) } }
        }
        #expect(unfit.count == 1 && puppets.all.count == FrameDecoder.hopeless)
    }

    @Test func `what the worker itself says against it is told`() {
        _ = decoder.begin(at: 0)
        puppets.last.say(.unfit("zbar cannot be loaded"))
        let events = decoder.read(at: 0)
        guard case .unfit(let text) = events.first else { return #expect(Bool(false), "nothing is told") }
        #expect(text.contains("zbar cannot be loaded"))
    }

    @Test func `the kept frame is asked for before the next frame`() {
        ready()
        offer(1)
        #expect(puppets.last.frame() == 1)
        offer(2)
        puppets.last.answer(1)
        #expect(Self.frames(decoder.read(at: 0)) == [1])
        decoder.askForKept(at: 0)
        #expect(puppets.last.order() == .kept)
        puppets.last.say(.kept(0))
        let events = decoder.read(at: 0)
        guard case .kept(nil) = events.first, events.count == 1 else { return #expect(Bool(false), "not told") }
        decoder.pump(at: 0)
        #expect(puppets.last.frame() == 2)
    }
}

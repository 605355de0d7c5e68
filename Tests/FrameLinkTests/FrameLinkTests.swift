import Glibc
import Model
import Posix
import TestSupport
import Testing

@testable import FrameLink

struct FrameLinkTests {
    static let code = FrameCode(
        bytes: [0x83, 0x65, 0x00], text: Array("テ\0".utf8), symbology: .qr,
        corners: [.init(x: 1, y: -2), .init(x: 300, y: 4), .init(x: 5, y: 6), .init(x: 7, y: 800)],
        part: CodePart(index: 2, count: 5))
    static var result: FrameResult {
        var result = FrameResult(number: 1 << 40)
        (result.width, result.height, result.isChanged, result.isSearched) = (1280, 720, true, true)
        (result.sharpness, result.microseconds) = (77, 3500)
        result.codes = [code, FrameCode(bytes: [1], symbology: .dataMatrix), FrameCode(bytes: [2], symbology: .qr)]
        return result
    }

    @Test func `an order arrives as it was sent`() {
        let orders: [WorkerOrder] = [
            .frame(FrameOrder(slot: 1, number: 9, content: .luma(width: 1280, height: 720), length: 921_600)),
            .frame(FrameOrder(slot: 0, number: 10, content: .jpeg, length: 4711, keeps: true, picture: .png)),
            .frame(FrameOrder(slot: 0, number: 11, content: .file, length: FrameMemory.fileSize)), .kept,
            .frame(FrameOrder(slot: 0, number: 12, content: .jpeg, length: 1, without: .zbar, background: .learnt)),
            .frame(FrameOrder(slot: 0, number: 13, content: .jpeg, length: 1, background: .hidden)),
        ]
        for order in orders {
            #expect(order.message.count <= WorkerOrder.limit)
            #expect(WorkerOrder(order.message) == order)
        }
    }

    @Test func `an order for more than a slot holds is none`() {
        for order in [
            FrameOrder(slot: 1, number: 9, content: .luma(width: 1280, height: 720), length: 921_599),
            FrameOrder(slot: 2, number: 9, content: .jpeg, length: 1),
            FrameOrder(slot: 0, number: 9, content: .jpeg, length: FrameMemory.slotSize + 1),
            FrameOrder(slot: 0, number: 9, content: .file, length: FrameMemory.fileSize + 1),
            FrameOrder(slot: 1, number: 9, content: .file, length: 1),
        ] { #expect(WorkerOrder(WorkerOrder.frame(order).message) == nil) }
    }

    @Test func `an answer arrives as it was sent`() throws {
        var reader = ReportReader()
        #expect(reader.isBusy)
        #expect(try reader.take(WorkerReport.ready.message) == .ready)
        #expect(!reader.isBusy)
        reader.sent(.frame(FrameOrder(slot: 0, number: 1 << 40, content: .jpeg, length: 10)))
        #expect(reader.frame == 1 << 40)
        var answers: [ReportReader.Answer] = []
        for message in WorkerReport.messages(Self.result) {
            if let answer = try reader.take(message) { answers.append(answer) }
        }
        #expect(answers == [.frame(Self.result)])
        #expect(!reader.isBusy && reader.frame == nil)
        reader.sent(.kept)
        #expect(try reader.take(WorkerReport.kept(300).message) == .kept(300))
        reader.sent(.frame(FrameOrder(slot: 0, number: 12, content: .file, length: 10)))
        var unreadable = FrameResult(number: 12)
        (unreadable.isUnreadable, unreadable.fault) = (true, "no picture")
        let messages = WorkerReport.messages(unreadable)
        #expect(messages.count == 1)
        #expect(try reader.take(messages[0]) == .frame(unreadable))
        #expect(!reader.isBusy)
    }

    @Test func `the largest code there can be goes through the socket`() throws {
        let code = FrameCode(
            bytes: [UInt8](repeating: 0xB1, count: FrameCode.maxBytes),
            text: (0..<FrameCode.maxBytes).flatMap { _ in Array("ｱ".utf8) }, symbology: .qr,
            corners: Array(repeating: .init(x: -1, y: 1), count: FrameCode.maxCorners))
        let (one, other) = try MessageSocket.pair()
        let message = WorkerReport.code(code, index: 63, of: 1).message
        #expect(message.count <= WorkerReport.limit)
        #expect(one.send(message) == .taken)
        guard case .message(let arrived) = other.receive(atMost: WorkerReport.limit) else {
            throw SetupError("nothing arrived")
        }
        #expect(WorkerReport(arrived) == .code(code, index: 63, of: 1))
    }

    @Test func `more than a frame may have is cut, and a code that is too long is left out`() throws {
        var result = FrameResult(number: 1)
        result.codes = (0..<70).map { FrameCode(bytes: [UInt8($0)], symbology: .qr) }
        result.codes[3].bytes = [UInt8](repeating: 1, count: FrameCode.maxBytes + 1)
        let messages = WorkerReport.messages(result)
        #expect(messages.count == 1 + FrameResult.maxCodes)
        #expect(WorkerReport(messages[0]) == .frame(with(result) { $0.codes = [] }, codes: 64))
        #expect(WorkerReport(messages[4]) == .code(result.codes[4], index: 3, of: 1))
    }

    @Test func `whatever does not answer the open order is rubbish`() throws {
        let messages = WorkerReport.messages(Self.result)
        func reader(_ order: WorkerOrder?) throws -> ReportReader {
            var reader = ReportReader()
            _ = try reader.take(WorkerReport.ready.message)
            if let order { reader.sent(order) }
            return reader
        }
        let order = WorkerOrder.frame(FrameOrder(slot: 0, number: 1 << 40, content: .jpeg, length: 10))
        let other = WorkerOrder.frame(FrameOrder(slot: 0, number: 2, content: .jpeg, length: 10))
        let pictured = WorkerReport.frame(with(Self.result) { ($0.codes, $0.pictureLength) = ([], 100) }, codes: 0)
        let cases: [(String, WorkerOrder?, [[UInt8]])] = [
            ("a frame that nobody sent", nil, [messages[0]]),
            ("another frame", other, [messages[0]]),
            ("a code before its frame", order, [messages[1]]),
            ("a code twice", order, [messages[0], messages[1], messages[1]]),
            ("a second ready", order, [WorkerReport.ready.message]),
            ("a kept picture that nobody asked for", order, [WorkerReport.kept(1).message]),
            ("a frame for a picture", .kept, [messages[0]]),
            ("a picture that nobody asked for", order, [pictured.message]),
            ("nothing", order, [[]]), ("a word", order, [[9, 9, 9, 9]]),
            ("a longer frame", order, [messages[0] + [0]]), ("a shorter one", order, [messages[0].dropLast()]),
        ]
        for (what, order, messages) in cases {
            var reader = try reader(order)
            for message in messages.dropLast() { #expect(try reader.take(message) == nil) }
            var isRubbish = false
            do { _ = try reader.take(messages[messages.count - 1]) } catch { isRubbish = true }
            #expect(isRubbish, "\(what)")
        }
    }

    @Test func `random bytes, and messages with a random byte changed, never trap`() throws {
        var random = SeededGenerator(seed: 7)
        let messages = WorkerReport.messages(Self.result) + [WorkerReport.kept(9).message]
        for _ in 0..<50_000 {
            var message = messages.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                message[Int.random(in: message.indices, using: &random)] = .random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { message = message.dropLast(Int.random(in: 0...8, using: &random)) }
            guard let report = WorkerReport(message) else { continue }
            // What is believed can be said again.
            #expect(WorkerReport(report.message) == report)
        }
    }

    @Test func `the memory is sealed, and the outbox is what the other side wrote`() throws {
        let daemon = try FrameMemory()
        let worker = try FrameMemory(FileDescriptor(owning: dup(daemon.descriptor)))
        #expect(ftruncate(daemon.descriptor, 0) != 0)
        #expect(worker.put(Array("picture".utf8)))
        #expect(daemon.picture(of: 7) == Array("picture".utf8))
        #expect(daemon.picture(of: 0) == nil && daemon.picture(of: FrameMemory.outboxSize + 1) == nil)
        #expect(!worker.put([UInt8](repeating: 0, count: FrameMemory.outboxSize + 1)))
        daemon.slot(1).storeBytes(of: 42, as: UInt8.self)
        #expect(worker.slot(1).load(as: UInt8.self) == 42)
        #expect(worker.slot(0).load(as: UInt8.self) == 0)
    }

    private func with(_ result: FrameResult, _ change: (inout FrameResult) -> Void) -> FrameResult {
        var result = result
        change(&result)
        return result
    }
}

import Model
import Testing

@testable import Scanners

struct LabelQueueTests {
    private func scan(_ text: String) -> ScannerOutput { .scan(bytes: Array(text.utf8), symbology: .qr) }

    @Test func `labels are offered one at a time, each when the one before is settled`() {
        var queue = LabelQueue()
        var told = [queue.push(Array("SB00001".utf8), .qr), queue.push(Array("a".utf8), .qr)]
        told += [queue.settled(.stored), queue.push(Array("b".utf8), .qr), queue.settled(.refused("no"))]
        told.append(queue.settled(.stored))
        #expect(told == [[scan("SB00001")], [], [scan("a")], [], [scan("b")], []])
        #expect(queue.patience == nil)
    }

    @Test func `a label that is not stored for now is offered again, and nothing passes it`() {
        var queue = LabelQueue()
        let first = queue.push(Array("SB00001".utf8), .qr)
        let settled = queue.settled(.notNow("the disk is full"))
        #expect(first == [scan("SB00001")] && settled == [] && queue.patience == .seconds(1))
        // Stored before its bag, the child would be another bag's.
        let child = queue.push(Array("child".utf8), .qr)
        let again = queue.retry()
        let early = queue.retry()
        #expect(child == [] && again == [scan("SB00001")] && early == [] && queue.patience == nil)
        let next = queue.settled(.stored)
        #expect(next == [scan("child")])
    }

    @Test func `a label that finds no room leaves a gap where it would have been, told of once`() {
        var queue = LabelQueue()
        for number in 0..<LabelQueue.most { _ = queue.push(Array("\(number)".utf8), .qr) }
        let lost = [queue.push(Array("SB00001".utf8), .qr), queue.push(Array("a".utf8), .qr)]
        #expect(lost == [[.dropped(.unstored)], [.dropped(.unstored)]])
        var told: [ScannerOutput] = []
        // The first has made room for one behind the gap.
        told += queue.settled(.stored)
        told += queue.push(Array("b".utf8), .qr)
        for _ in 0..<LabelQueue.most { told += queue.settled(.stored) }
        let gaps = told.indices.filter { if case .missed = told[$0] { true } else { false } }
        #expect(gaps == [LabelQueue.most - 1])
        #expect(told.dropFirst(LabelQueue.most) == [scan("b")])
        let atOnce = queue.missed("it was blind")
        #expect(atOnce == [.missed("it was blind")] && queue.patience == nil)
    }

    @Test func `what finds no room, and what waits when the camera goes, is counted`() {
        var queue = LabelQueue()
        var outputs: [ScannerOutput] = []
        for number in 0...LabelQueue.most { outputs += queue.push(Array("\(number)".utf8), .qr) }
        #expect(outputs == [scan("0"), .dropped(.unstored)])
        let left = queue.end()
        // Number 0 is with the intake.
        #expect(left.filter { $0 == .dropped(.unstored) }.count == LabelQueue.most - 1)
        guard case .complaint(let text) = left.last else { return #expect(Bool(false), "they are not named") }
        #expect(text.hasSuffix("scan them again: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 245 more"), "\(text)")
        let late = queue.settled(.notNow("too late"))
        #expect(late == [] && queue.patience == nil)
    }
}

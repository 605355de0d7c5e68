import Glibc
import Model
import Posix
import TestSupport
import Testing

@testable import Scanners

struct CameraRecordTests {
    @Test func `a record arrives as it was sent, within what a port reads at once`() {
        let records: [CameraRecord] =
            [.connected, .dropped(.noRead), .dropped(.tooLong), .complaint("no"), .failed("gone"), .missed("some")]
            + CameraRecord.label(Array("SB00042".utf8), .qr)
        for record in records {
            #expect(record.message.count <= CameraRecord.limit)
            #expect(CameraRecord(record.message[...]) == record)
        }
        #expect(CameraRecord.failed(String(repeating: "x", count: 5000)).message.count == CameraRecord.limit)
        for rubbish: [UInt8] in [[], [9], [2], [2, 1, 99], [3, 99]] { #expect(CameraRecord(rubbish[...]) == nil) }
    }

    @Test func `a label of any length goes through the socket and the driver, whole`() throws {
        var random = SeededGenerator(seed: 3)
        let (one, other) = try MessageSocket.pair()
        var sender = RecordSender(one)
        let driver = CameraDriver(CaptureSettings())
        for length in [1, 956, 957, 958, 1914, 1915, 2953, 8192] {
            let label = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
            sender.send(CameraRecord.label(label, .dataMatrix))
            var outputs: [ScannerOutput] = []
            while case .message(let message) = other.receive(atMost: CameraRecord.limit) {
                #expect(message.count <= CameraRecord.limit)
                outputs += try driver.received(message[...], from: -1)
            }
            #expect(outputs == [.scan(bytes: label, symbology: .dataMatrix)])
            #expect(driver.settled(0, .stored) == [])
        }
    }

    @Test func `what finds no room waits, then is lost, counted and told`() throws {
        let (one, other) = try MessageSocket.pair()
        var sender = RecordSender(one)
        var sent = 0
        while sender.lost < 3, sent < 10_000 {
            sender.send(CameraRecord.label(Array("L\(sent)".utf8), .qr))
            sent += 1
        }
        #expect(sent > RecordSender.waiting)
        var arrived: [CameraRecord] = []
        while true {
            guard case .message(let message) = other.receive(atMost: CameraRecord.limit) else {
                guard sender.isWaiting else { break }
                sender.flush()
                continue
            }
            arrived.append(try #require(CameraRecord(message[...])))
        }
        // All that were taken, in order, the gap, and then what became of the others.
        let expected = (0..<sent - 3).flatMap { CameraRecord.label(Array("L\($0)".utf8), .qr) }
        let gap = CameraRecord.missed("labels were lost, because the gateway did not take them in time")
        let isInOrder = arrived.dropLast() == expected + [gap]
        #expect(isInOrder)
        guard case .complaint(let text) = arrived.last else { throw SetupError("nothing is told") }
        #expect(text.hasPrefix("3 labels"))
        #expect(sender.lost == 0)
    }

    @Test func `half a label is dropped when the camera goes`() throws {
        let driver = CameraDriver(CaptureSettings())
        let records = CameraRecord.label([UInt8](repeating: 65, count: 1000), .qr)
        #expect(try driver.received(records[0].message[...], from: -1) == [])
        #expect(driver.ended() == [.dropped(.fragment)])
        #expect(driver.ended() == [])
    }
}

import Model
import Testing

@testable import Gateway

/// What is remembered of readings that were not taken.
@Suite struct IntakeQueueTests {
    private let queue = IntakeQueue()

    @Test func `labels that are refused while the disk stalls are remembered as one gap a scanner`() throws {
        let camera = try #require(DeviceID("camera-1"))
        let other = try #require(DeviceID("camera-2"))
        for number in 0..<10_000 {
            queue.noteGap(of: camera, .refused(Array("SB\(number)".utf8), .qr))
            queue.noteGap(of: camera, .lostByCamera("no frame could be looked at for \(number) s"))
        }
        queue.noteGap(of: other, .refused(Array("SB00001".utf8), .qr))
        let gaps = queue.takeAll().gaps
        #expect(gaps.filter { $0.device == camera }.count <= 2)
        // One that says nothing of the label: any of them may have been a bag's.
        #expect(gaps.contains { if case .lostByCamera = $0.cause { $0.device == camera } else { false } })
        #expect(gaps.last?.cause == .refused(Array("SB00001".utf8), .qr))
    }

    @Test func `a second label that is refused makes a gap of what was the refusal of a child`() throws {
        let camera = try #require(DeviceID("camera-1"))
        queue.noteGap(of: camera, .refused(Array("LABEL NO. 0016586 LOT NO. 1".utf8), .qr))
        queue.noteGap(of: camera, .refused(Array("SB00001".utf8), .qr))
        let causes = queue.takeAll().gaps.map(\.cause)
        #expect(causes.contains { if case .lostByCamera = $0 { true } else { false } })
    }

    @Test func `events that were lost are remembered beside what a camera missed`() throws {
        let device = try #require(DeviceID("scanner-1"))
        queue.noteGap(of: device, .lostByCamera("it was not there before"))
        queue.noteGap(of: device, .lost("the kernel dropped what it typed"))
        #expect(queue.takeAll().gaps.map(\.cause).contains(.lost("the kernel dropped what it typed")))
    }
}

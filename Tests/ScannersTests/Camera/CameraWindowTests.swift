import Model
import Synchronization
import Testing

@testable import Scanners

struct CameraWindowTests {
    private let window = CameraWindow()
    private let picture = CameraLook.Picture(
        width: 1, height: 1, luma: [7], codes: [], isSearched: true, rate: 30, microseconds: 9)

    @Test func `whoever waits gets one picture, and nobody asks the camera for it without them`() {
        let taken = Mutex<[UInt8?]>([])
        #expect(!window.isWanted)
        for _ in 0..<2 {
            let number = window.look { picture in taken.withLock { $0.append(picture?.luma.first) } }
            #expect(number != nil && window.isWanted)
        }
        window.show(picture)
        window.show(picture)
        #expect(taken.withLock { $0 } == [7, 7] && !window.isWanted)
    }

    @Test func `who gives up is told so, once, and no more than eight wait`() throws {
        let taken = Mutex<[Bool]>([])
        var numbers: [Int] = []
        for _ in 0..<CameraWindow.mostWaiting {
            numbers.append(try #require(window.look { picture in taken.withLock { $0.append(picture != nil) } }))
        }
        #expect(window.look { _ in Issue.record("it was not to wait") } == nil)
        window.giveUp(numbers[3])
        window.giveUp(numbers[3])
        #expect(taken.withLock { $0 } == [false])
        window.show(picture)
        for number in numbers { window.giveUp(number) }
        #expect(taken.withLock { $0 } == [false] + Array(repeating: true, count: CameraWindow.mostWaiting - 1))
    }

    @Test func `counts go on over openings, and what is recent is of the last one to two minutes`() {
        let minute: Int64 = 60_000_000
        var ten = CameraWindow.Counts()
        (ten.frames, ten.dropped, ten.poison) = (10, 2, 1)
        var recent: [Int] = []
        for half in Int64(10)..<17 {
            window.note(ten, rate: 30, without: .decoder(.zbar), at: half * minute / 2)
            recent.append(window.status.recent.frames)
        }
        #expect(window.status.counts.frames == 70 && window.status.counts.dropped == 14)
        // Ten each half a minute, and a minute's beginning is noted with its first frames.
        #expect(recent == [10, 20, 30, 40, 30, 40, 30])
        #expect(window.status.rate == 30 && window.status.without == .decoder(.zbar))
    }
}

import Imaging
import TestSupport
import Testing

@Suite(.oneThread) struct MotionGateTests {
    private static func picture(_ pixel: (Int, Int) -> Int) -> LumaImage {
        let picture = LumaImage(width: 640, height: 360)
        picture.withPixels { pixels in
            for y in 0..<360 { for x in 0..<640 { pixels[y * 640 + x] = UInt8(clamping: pixel(x, y)) } }
        }
        return picture
    }

    private static func time(_ frame: Int) -> Duration { .milliseconds(33 * frame) }

    @Test func `a picture at rest is searched until it has settled, and once a second then`() {
        var gate = MotionGate()
        let still = Self.picture { x, y in (x * 7 + y * 13) % 256 }
        var searched: [Int] = []
        for frame in 0..<100 {
            let (isChanged, isDue) = gate.look(still.view, at: Self.time(frame))
            #expect(isChanged == (frame == 0))
            if isDue { searched.append(frame) }
        }
        // Eight with the one that differed, then every 31st: the first after a second.
        #expect(searched == Array(0..<8) + [38, 69])
    }

    @Test func `a camera's noise and a light's flicker are no change`() {
        var gate = MotionGate()
        var random = SeededGenerator(seed: 1)
        for frame in 0..<30 {
            let light = frame.isMultiple(of: 2) ? 25 : 0
            let noisy = Self.picture { x, y in
                100 + (x / 40 + y / 40) % 2 * 60 + light + Int.random(in: -12...12, using: &random)
            }
            #expect(gate.look(noisy.view, at: Self.time(frame)).isChanged == (frame == 0))
        }
    }

    @Test func `a label that comes is a change`() {
        func scene(_ left: Int) -> LumaImage {
            Self.picture { x, y in
                (left..<left + 80).contains(x) && (100..<180).contains(y) ? ((x - left) / 8 + y / 8) % 2 * 200 : 120
            }
        }
        var gate = MotionGate()
        let empty = Self.picture { _, _ in 120 }
        for frame in 0..<20 { _ = gate.look(empty.view, at: Self.time(frame)) }
        var (isChanged, isDue) = gate.look(scene(200).view, at: Self.time(20))
        #expect(isChanged && isDue)
        for frame in 21..<40 { (isChanged, isDue) = gate.look(scene(200).view, at: Self.time(frame)) }
        #expect(!isChanged && !isDue)
    }

    @Test func `what creeps, each frame hardly other than the one before, is a change at last`() {
        // A stripe whose edge moves by a sixteenth of a pixel a frame.
        func scene(_ sixteenths: Int) -> LumaImage {
            Self.picture { x, _ in 40 + 160 * min(16, max(0, 16 * (x % 64 - 16) - sixteenths)) / 16 }
        }
        var gate = MotionGate()
        for frame in 0..<20 { _ = gate.look(scene(0).view, at: Self.time(frame)) }
        var changed: [Int] = []
        for frame in 20..<60 where gate.look(scene(frame - 20).view, at: Self.time(frame)).isChanged {
            changed.append(frame - 20)
        }
        // None at first, and one after a part of a pixel.
        #expect(changed.first.map { (2...16).contains($0) } == true)
    }

    @Test func `another size is a change`() {
        var gate = MotionGate()
        let large = Self.picture { _, _ in 90 }
        let small = LumaImage(width: 320, height: 240)
        small.withPixels { $0.update(repeating: 90) }
        _ = gate.look(large.view, at: .zero)
        #expect(!gate.look(large.view, at: Self.time(1)).isChanged)
        #expect(gate.look(small.view, at: Self.time(2)).isChanged)
        let tiny = LumaImage(width: 2, height: 2)
        tiny.withPixels { $0.update(repeating: 90) }
        #expect(gate.look(tiny.view, at: Self.time(3)).isChanged)
    }
}

import Model
import Scanners
import Testing

@Suite struct BeltDirectionTests {
    private func told(_ direction: BeltSettings.Direction, _ xs: [Int]) -> [String] {
        var camera = BeltCamera { $0.direction = direction }
        let isHorizontal = [.leftToRight, .rightToLeft].contains(direction)
        for x in xs { camera.see([isHorizontal ? BeltCamera.code("A", x: x) : BeltCamera.code("A", y: x)]) }
        return camera.told
    }

    @Test(
        arguments: [
            (BeltSettings.Direction.leftToRight, true), (.rightToLeft, false), (.topToBottom, true),
            (.bottomToTop, false),
        ])
    func `only what travels this way counts, once it has gone a sixteenth`(
        direction: BeltSettings.Direction, isForward: Bool
    ) {
        let steps = [100, 130, 160, 190, 220]
        // 80 of 1280 pixels, 45 of 720.
        let first = [.leftToRight, .rightToLeft].contains(direction) ? 3 : 2
        #expect(told(direction, isForward ? steps : steps.reversed()) == ["A@\(first)"])
        #expect(told(direction, isForward ? steps.reversed() : steps) == [])
    }

    @Test func `what rests and trembles does not travel`() {
        #expect(told(.leftToRight, (0..<500).map { 600 + [0, 7, -9, 30, -30][$0 % 5] }) == [])
    }

    @Test func `what is carried back and then goes on counts, once`() {
        #expect(told(.leftToRight, [900, 600, 300, 50, 90, 170, 400, 900]) == ["A@5"])
    }

    @Test func `one sighting is not enough to know`() {
        #expect(told(.leftToRight, [600]) == [])
    }

    @Test func `two sightings far apart are enough, with lost frames between`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        camera.see([BeltCamera.code("A", x: 60)])
        camera.skip(7)
        camera.see([BeltCamera.code("A", x: 1200)])
        #expect(camera.told == ["A@8"])
    }

    @Test func `a label without corners has no way`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        for _ in 0..<9 { camera.see([Sighting(bytes: [65], symbology: .qr)]) }
        #expect(camera.told == [])
    }

    @Test func `two copies read in turn do not travel the wrong way`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        camera.see([BeltCamera.code("A", x: 500), BeltCamera.code("A", x: 900)])
        for step in 1..<20 { camera.see([BeltCamera.code("A", x: (step.isMultiple(of: 2) ? 500 : 900) - 20 * step)]) }
        #expect(camera.told == [])
    }

    @Test func `a further copy that comes into view has not come from the others' place`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        camera.see([BeltCamera.code("A", x: 100), BeltCamera.code("A", x: 500)])
        camera.see([BeltCamera.code("A", x: 1220)])
        #expect(camera.told == [])
    }

    @Test func `two copies that travel the right way count once`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        for step in 0..<9 { camera.see([500, 900].map { BeltCamera.code("A", x: $0 + 30 * step) }) }
        #expect(camera.told == ["A@3"])
    }

    @Test func `corners of any value do no harm`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        for x in [Int.min, Int.max, 0, Int.min, Int.max] {
            camera.see([
                Sighting(
                    bytes: [65], symbology: .qr, corners: [.init(x: x, y: Int.max), .init(x: Int.max, y: Int.min)])
            ])
            camera.number = camera.number < 9 ? Int.max - 9 : Int.min
        }
        #expect(camera.told.count <= 1)
    }
}

import Model
import Scanners
import Testing

@Suite struct BeltNoReadTests {
    private func told(_ script: String, agree: Int = 1, direction: BeltSettings.Direction = .any) -> String {
        var camera = BeltCamera { ($0.tellsNoRead, $0.agree, $0.direction) = (true, agree, direction) }
        camera.see(script)
        return camera.told.joined(separator: " ")
    }

    @Test(
        arguments: [
            // Four frames of motion are a light that the camera adjusts to, five an object.
            (" .      ", ""), (" ....      ", ""), (" .....     ", "-@1-5"), (" .....    ", ""),
            (" ..   ..  .     ", "-@1-10"),
            // An object with a label, read in any frame of it, also in the first of rest.
            ("  ...A...      ", "A@5"), ("  A......      ", "A@2"), ("  .......   _     ", "A@12"),
            // One without a label behind one with a label, with a gap and without.
            ("  ..A...     ......     ", "A@4 -@13-18"), ("  ..A...    ......     ", "A@4"),
            // An object with a label that rests, and then goes on, unread.
            ("  ..A_       ......     ", "A@4"),
            // Lost frames.
            ("  .x.x.xx.xx.      ", "-@2-12"),
            ("     .....     .....     ", "-@5-9 -@15-19"),
        ])
    func `an object without a label is told when it has left`(script: String, expected: String) {
        #expect(told(script) == expected)
    }

    @Test func `nothing is told where it is not wanted`() {
        var camera = BeltCamera()
        camera.see(" ........      ")
        #expect(camera.told.isEmpty)
    }

    @Test func `a label on which no two frames agree is as good as none`() {
        #expect(told("  ...A...      ", agree: 2) == "-@2-8")
        #expect(told("  ...A.A.      ", agree: 2) == "A@7")
    }

    @Test func `a label that travels the wrong way was read all the same`() {
        #expect(told("  ...A...      ", direction: .leftToRight) == "")
    }

    @Test func `a part is no missing label`() {
        var camera = BeltCamera { $0.tellsNoRead = true }
        camera.see("  ....")
        camera.see([BeltCamera.code("A", part: .init(index: 0, count: 3))])
        camera.see("  ....      ")
        #expect(camera.told == ["(A)@6"])
    }

    @Test func `frames are worth keeping from the first motion to the label, or to the end`() {
        var camera = BeltCamera { $0.tellsNoRead = true }
        func watching(_ script: String) -> String {
            script.map { letter in
                camera.see(String(letter))
                return camera.tracker.isWatching ? "w" : "-"
            }.joined()
        }
        #expect(watching("  ...A..     ") == "--www--------")
        #expect(watching("  ......      ") == "--wwwwwwwwww--")
        var silent = BeltCamera()
        silent.see("....")
        #expect(!silent.tracker.isWatching)
    }

    @Test func `a wheel that turns for an hour is told once it stops`() {
        var camera = BeltCamera { $0.tellsNoRead = true }
        for _ in 0..<(25 * 3600) { camera.see(".") }
        #expect(camera.told.isEmpty)
        camera.see("     ")
        #expect(camera.told == ["-@0-89999"])
    }
}

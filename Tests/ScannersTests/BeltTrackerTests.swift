import Model
import Scanners
import Testing

/// A camera at 40 ms a frame that writes down what its tracker tells: `A@3` is label A in the fourth frame, `(A)@3` a part,
/// `-@3-7` a no-read.
struct BeltCamera {
    var tracker: BeltTracker
    var number = 0
    var time = Duration.seconds(1000)
    var told: [String] = []

    init(_ change: (inout BeltSettings) -> Void = { _ in }) {
        var settings = BeltSettings()
        change(&settings)
        tracker = BeltTracker(settings)
    }

    /// A code, 100 pixels wide.
    static func code(_ text: String, x: Int = 600, y: Int = 300, part: CodePart? = nil) -> Sighting {
        Sighting(
            bytes: Array(text.utf8), symbology: .qr,
            corners: [(-50, -50), (50, -50), (50, 50), (-50, 50)].map { .init(x: x + $0.0, y: y + $0.1) }, part: part)
    }

    mutating func see(_ codes: [Sighting], changed: Bool = true) {
        let frame = BeltFrame(number: number, time: time, width: 1280, height: 720, codes: codes, changed: changed)
        for event in tracker.frame(frame) {
            switch event {
            case .scan(let code): told.append(String(decoding: code.bytes, as: UTF8.self) + "@\(number)")
            case .part(let code): told.append("(\(String(decoding: code.bytes, as: UTF8.self)))@\(number)")
            case .noRead(let first, let last): told.append("-@\(first)-\(last)")
            }
        }
        skip(1)
    }

    /// Frames that never come.
    mutating func skip(_ frames: Int) {
        number += frames
        time += .milliseconds(40) * frames
    }

    /// A letter a frame: a label is read, or with a comma two; `.` something moves, ` ` nothing moves, `_` nothing moves
    /// and what is read is the label A, `x` the frame is lost.
    mutating func see(_ script: String) {
        var pair: [Sighting] = []
        for letter in script {
            switch letter {
            case ".": see([])
            case " ": see([], changed: false)
            case "_": see([Self.code("A")], changed: false)
            case "x": skip(1)
            case "+": pair = [Self.code("A", x: 100)]
            default:
                see(pair + [Self.code(String(letter))])
                pair = []
            }
        }
    }
}

@Suite struct BeltTrackerTests {
    /// 1500 ms are 37.5 frames.
    private static let gone = String(repeating: ".", count: 38)

    @Test(
        arguments: [
            ("", ""), (".....", ""),
            ("A", "A@0"), ("..A..", "A@2"), ("AA", "A@0"), (".AAAAA.", "A@1"),
            // Not read, or lost, in between.
            ("A...A....A", "A@0"), ("AxxxAxxxxxA", "A@0"), (".xxxxA", "A@5"),
            // Labels side by side, and one after the other.
            ("ABABAB", "A@0 B@1"), ("AAA..BBB..CCC", "A@0 B@5 C@10"),
            // Twice on one bag.
            ("+A+AAA", "A@0"), ("A+AA+A", "A@0"),
            // Read again after 37 frames, and after 38.
            ("A" + gone.dropLast(2) + "A", "A@0"), ("A" + gone.dropLast() + "A", "A@0 A@38"),
            ("A" + String(repeating: "x", count: 36) + "A", "A@0"),
            // A camera that stalls may have missed that it left.
            ("A" + String(repeating: "x", count: 38) + "A", "A@0 A@39"),
            ("AAA" + gone + "AA" + gone + "A", "A@0 A@41 A@81"),
        ])
    func `one passage is one scan`(script: String, told: String) {
        var camera = BeltCamera()
        camera.see(script)
        #expect(camera.told.joined(separator: " ") == told)
    }

    @Test func `a label that stays for an hour counts once, read in every frame`() {
        var camera = BeltCamera()
        for _ in 0..<(25 * 3600) { camera.see("A") }
        #expect(camera.told == ["A@0"])
    }

    @Test func `a label at rest counts once though it is looked for every other second only`() {
        var camera = BeltCamera()
        camera.see("..AA")
        for _ in 0..<1800 { camera.see(String(repeating: " ", count: 49) + "_") }
        #expect(camera.told == ["A@2"])
    }

    @Test func `what nobody reads for ten seconds at rest counts again`() {
        var camera = BeltCamera()
        camera.see("A" + String(repeating: " ", count: 250) + "_" + String(repeating: " ", count: 250 + 38) + "_")
        #expect(camera.told == ["A@0", "A@540"])
    }

    @Test func `a label that was taken away does not rest`() {
        var camera = BeltCamera()
        camera.see("A." + String(repeating: " ", count: 40) + "_")
        #expect(camera.told == ["A@0", "A@42"])
    }

    @Test(
        arguments: [
            ("A", ""), ("AA", "A@1"), ("A....A", "A@5"), ("+AB", ""), ("+AA", "A@1"), ("ABAB", "A@2 B@3"),
            ("A" + gone + "A", ""), ("AA" + gone + "AA", "A@1 A@41"),
        ])
    func `two frames of one passage must agree where that is wanted`(script: String, told: String) {
        var camera = BeltCamera { $0.agree = 2 }
        camera.see(script)
        #expect(camera.told.joined(separator: " ") == told)
    }

    @Test func `a fresh tracker counts what is in view`() {
        var camera = BeltCamera()
        camera.see("AA")
        camera.tracker = BeltTracker(BeltSettings())
        camera.see("AA")
        #expect(camera.told == ["A@0", "A@2"])
    }

    @Test func `a frame from the past changes nothing`() {
        var camera = BeltCamera()
        camera.see("A")
        camera.time = .zero
        camera.see("AAA")
        camera.time = .seconds(1001)
        camera.see("A")
        #expect(camera.told == ["A@0"])
    }

    @Test func `a part is told once a passage, and is no scan`() {
        var camera = BeltCamera()
        let parts = (0..<2).map { BeltCamera.code("A", part: .init(index: $0, count: 2)) }
        for _ in 0..<3 { camera.see(parts + [BeltCamera.code("A")]) }
        #expect(camera.told == ["(A)@0", "(A)@0", "A@0"])
    }

    @Test func `what is too long or empty is no label`() {
        var camera = BeltCamera()
        camera.see([
            BeltCamera.code(""), BeltCamera.code(String(repeating: "x", count: BeltTracker.Limits.labelBytes + 1)),
        ])
        #expect(camera.told.isEmpty && camera.tracker.remembered == 0)
        camera.see([BeltCamera.code(String(repeating: "x", count: BeltTracker.Limits.labelBytes))])
        #expect(camera.told.count == 1)
    }
}

@Suite struct BeltBoundTests {
    @Test func `at the bound the label unseen for longest is forgotten, and no new one is lost`() {
        var camera = BeltCamera { $0.againAfter = .seconds(600) }
        let many = BeltTracker.Limits.labels
        for index in 0..<(many + 1) { camera.see([BeltCamera.code("L\(index)")]) }
        #expect(camera.told.count == many + 1 && camera.tracker.remembered == many)
        camera.see([BeltCamera.code("L\(many)"), BeltCamera.code("L1")])
        #expect(camera.told.count == many + 1)
        camera.see([BeltCamera.code("L0")])
        #expect(camera.told.last == "L0@\(many + 2)")
        #expect(camera.tracker.remembered == many)
    }

    @Test func `more labels in one frame than there is room wait, and do not push each other out`() {
        var camera = BeltCamera()
        let many = BeltTracker.Limits.labels
        let codes = (0...many).map { BeltCamera.code("L\($0)") }
        for _ in 0..<5 { camera.see(codes) }
        #expect(camera.told.count == many)
        camera.see(Array(codes.dropFirst()))
        #expect(camera.told.count == many + 1 && camera.told.last == "L\(many)@5")
    }

    @Test func `labels that are gone are forgotten`() {
        var camera = BeltCamera()
        for index in 0..<100 { camera.see([BeltCamera.code("L\(index)")]) }
        #expect(camera.tracker.remembered == 38)
        camera.skip(38)
        camera.see([])
        #expect(camera.tracker.remembered == 0)
    }

    @Test func `one text at a hundred places is one label`() {
        var camera = BeltCamera { $0.direction = .leftToRight }
        for step in 0..<3 {
            camera.see((0..<100).map { BeltCamera.code("A", x: 120 * ($0 % 10) + 30 * step, y: 70 * ($0 / 10)) })
        }
        #expect(camera.told.count <= 1 && camera.tracker.remembered == 1)
    }
}

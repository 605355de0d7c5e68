import Decoding
import Imaging
import Model
import Scenes
import TestSupport
import Testing

@Suite(.oneThread) struct CodeReaderTests {
    static let labels = (1...20).map { $0 < 10 ? "label-0\($0)" : "label-\($0)" }

    /// Twenty labels in a frame, none of them straight.
    static func crowd(seed: UInt64, module: Double) throws -> (scene: Scene, corners: [[PicturePoint]]) {
        var scene = Scene(width: 1280, height: 720)
        var noise = Noise(seed)
        let corners = try labels.enumerated().map { index, name in
            try scene.place(
                name, x: 128 + index % 5 * 256, y: 90 + index / 5 * 180, module: module,
                angle: Double(noise.next(628)) / 100)
        }
        scene.blur(0.8)
        scene.roughen(3, seed: seed)
        return (scene, corners)
    }

    @Test(arguments: [CodeReader.Effort.still, .frame(0), .frame(1), .frame(2), .frame(3), .frame(4)])
    func `twenty labels in a frame are read, each once and at its place`(effort: CodeReader.Effort) throws {
        var reader = try CodeReader()
        let (scene, corners) = try Self.crowd(seed: 5, module: 3.6)
        let codes = try reader.read(scene.picture.view, effort: effort)
        #expect(codes.count == 20)
        for (name, corners) in zip(Self.labels, corners) {
            let text = TestData.text("labels/\(name).txt")
            let code = try #require(codes.first { $0.text == text }, "\(name)")
            #expect(distance(code.corners, corners) <= 6, "\(name): \(code.corners), not \(corners)")
            #expect(code.symbology == .qr && code.part == nil && code.bytes == Array(text.utf8))
        }
    }

    @Test func `noise of a poor camera loses no more than one label of twenty`() throws {
        var reader = try CodeReader()
        for (width, height, module) in [(800, 600, 7.0), (1920, 1080, 10.0)] {
            var read = 0
            for (index, name) in Self.labels.enumerated() where index % 5 == 0 || width == 800 {
                var scene = Scene(width: width, height: height)
                try scene.place(
                    name, x: width / 2 - 100 + index * 10, y: height / 2, module: module, angle: Double(index) / 3)
                scene.blur(1)
                scene.roughen(8, seed: UInt64(index))
                let codes = try reader.read(scene.picture.view, effort: .frame(0))
                if codes.map(\.text) == [TestData.text("labels/\(name).txt")] { read += 1 }
            }
            #expect(read >= (width == 800 ? 19 : 4), "\(read) at \(width)x\(height)")
        }
    }

    @Test func `the same text on two labels is two codes`() throws {
        var reader = try CodeReader()
        let scene = Scene(width: 800, height: 400)
        try scene.place("label-01", x: 200, y: 200, module: 5)
        try scene.place("label-01", x: 600, y: 200, module: 5)
        let codes = try reader.read(scene.picture.view, effort: .still)
        #expect(codes.count == 2)
        #expect(Set(codes.map { $0.corners[0].x < 400 }) == [true, false])
    }

    @Test(arguments: [(60, 60, 1.6), (200, 200, 4.0), (640, 480, 2.2), (2600, 1400, 18.0), (3200, 2000, 6.0)])
    func `a label is found in a picture of any size, at its place`(width: Int, height: Int, module: Double) throws {
        var reader = try CodeReader()
        let scene = Scene(width: width, height: height)
        let corners = try scene.place("label-07", x: width / 2, y: height / 2, module: module)
        let codes = try reader.read(scene.picture.view, effort: .still)
        try #require(codes.count == 1)
        #expect(codes[0].text == TestData.text("labels/label-07.txt"))
        #expect(distance(codes[0].corners, corners) <= 4 + width / 500)
    }

    @Test func `a light label on dark ground is read`() throws {
        var reader = try CodeReader()
        for (width, module) in [(300, 5.0), (1280, 6.0)] {
            var scene = Scene(width: width, height: width * 9 / 16 + 130)
            try scene.place("label-03", x: width / 2, y: width / 4, module: module)
            scene.invert()
            let codes = try reader.read(scene.picture.view, effort: .still)
            #expect(codes.map(\.text) == [TestData.text("labels/label-03.txt")])
        }
    }

    @Test func `what a single frame does not show, five of the same sight do`() throws {
        var reader = try CodeReader()
        // Light on dark is looked for in one frame of five.
        var scene = Scene(width: 1280, height: 720)
        try scene.place("label-09", x: 500, y: 300, module: 6, angle: 0.2)
        scene.invert()
        for first in [0, 3] {
            var read = 0
            for number in first..<first + 5 {
                let codes = try reader.read(scene.picture.view, effort: .frame(number))
                if codes.map(\.text) == [TestData.text("labels/label-09.txt")] { read += 1 }
            }
            #expect(read == 1)
        }
    }

    @Test func `a small and faint label is read in any frame`() throws {
        var reader = try CodeReader()
        var scene = Scene(width: 1280, height: 720)
        try scene.place("label-09", x: 500, y: 300, module: 2.1, angle: 0.2, dark: 70, light: 150)
        scene.blur(0.6)
        for effort in [CodeReader.Effort.still, .frame(0), .frame(1), .frame(2), .frame(3), .frame(4)] {
            let codes = try reader.read(scene.picture.view, effort: effort)
            #expect(codes.map(\.text) == [TestData.text("labels/label-09.txt")], "\(effort)")
        }
    }

    @Test func `rows with gaps are read as others`() throws {
        var reader = try CodeReader()
        let scene = Scene(width: 700, height: 500)
        let corners = try scene.place("label-11", x: 300, y: 250, module: 6, angle: 1)
        let view = LumaView(scene.picture.view.base, width: 600, height: 500, stride: 700, owner: scene.picture)
        for effort in [CodeReader.Effort.still, .frame(1)] {
            let codes = try reader.read(view, effort: effort)
            try #require(codes.count == 1)
            #expect(distance(codes[0].corners, corners) <= 6)
        }
    }

    @Test func `what was read before makes no difference`() throws {
        var reader = try CodeReader()
        let (scene, _) = try Self.crowd(seed: 6, module: 3.6)
        let small = try TestData.picture("qr/qrcode-1/1.png")
        let first = try reader.read(scene.picture.view, effort: .still)
        let other = try reader.read(small.view, effort: .still)
        for _ in 0..<3 {
            let again = try reader.read(scene.picture.view, effort: .still)
            #expect(again == first)
            let otherAgain = try reader.read(small.view, effort: .still)
            #expect(otherAgain == other)
        }
    }

    @Test func `nothing is read where there is nothing`() throws {
        var reader = try CodeReader()
        for (width, height) in [(0, 0), (1, 1), (1, 100), (100, 1), (20, 20), (2401, 3), (320, 240), (1280, 720)] {
            for seed in 0..<3 {
                let picture = LumaImage(width: width, height: height)
                var noise = Noise(UInt64(seed))
                picture.withPixels { pixels in
                    for index in pixels.indices { pixels[index] = UInt8(seed == 0 ? 128 : noise.next(256)) }
                }
                let codes = try reader.read(picture.view, effort: .still)
                #expect(codes.isEmpty)
            }
        }
    }

    @Test(.timeLimit(.minutes(4)), arguments: [1, 2, 3, 4])
    func `a page full of corner marks holds nobody up`(module: Int) throws {
        var reader = try CodeReader()
        let picture = LumaImage(width: 1280, height: 720)
        picture.withPixels { pixels in
            for index in pixels.indices {
                let (x, y) = (index % 1280 / module % 9 - 4, index / 1280 / module % 9 - 4)
                pixels[index] = [0, 0, 255, 0, 255][max(abs(x), abs(y))]
            }
        }
        let codes = try reader.read(picture.view, effort: .still)
        #expect(codes.isEmpty)
        // By other passes, which have to see it, too.
        for number in 0..<5 {
            let none = try reader.read(picture.view, effort: .frame(number))
            #expect(none.isEmpty)
        }
    }

    @Test(arguments: CodeDecoder.allCases)
    func `a decoder that is left out sees nothing of a picture, and the other reads it`(leftOut: CodeDecoder) throws {
        var seen: [CodeDecoder] = []
        var reader = try CodeReader(note: { if let decoder = $0 { seen.append(decoder) } })
        let scene = Scene(width: 800, height: 600)
        try scene.place("label-01", x: 400, y: 300, module: 6)
        for effort in [CodeReader.Effort.still] + (0..<5).map({ .frame($0) }) {
            let codes = try reader.read(scene.picture.view, effort: effort, without: leftOut)
            #expect(codes.count == 1, "\(effort)")
        }
        #expect(!seen.isEmpty && !seen.contains(leftOut))
    }

    @Test func `other kinds than QR are read where they are asked for, and only there`() throws {
        #expect(throws: DecodingError.symbology(.unknown)) { _ = try CodeReader(symbologies: [.qr, .unknown]) }
        #expect(throws: DecodingError.noSymbology) { _ = try CodeReader(symbologies: []) }
        for symbology in Symbology.allCases where symbology != .unknown {
            _ = try CodeReader(symbologies: [symbology])
        }
        let picture = try TestData.picture("labels/label-01.png")
        var other = try CodeReader(symbologies: [.code128, .dataMatrix])
        let none = try other.read(picture.view, effort: .still)
        #expect(none.isEmpty)
        var both = try CodeReader(symbologies: [.code128, .qr])
        let one = try both.read(picture.view, effort: .still)
        #expect(one.map(\.symbology) == [.qr])
    }
}

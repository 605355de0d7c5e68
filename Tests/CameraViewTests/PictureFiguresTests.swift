import CameraView
import Glibc
import Imaging
import TestSupport
import Testing

@Suite struct PictureFiguresTests {
    @Test(arguments: [21, 25, 29, 41], [2.0, 2.6, 3.0, 4.3, 7.0])
    func `pixels of a module are measured`(count: Int, module: Double) throws {
        for angle in [0, 0.3, 2.0] {
            let (image, corners) = Drawing.code(
                Drawing.modules(count, seed: UInt64(count)), module: module, angle: angle)
            let figures = PictureFigures(of: image.view, codes: [corners])
            let measured = try #require(figures.modules[0], "\(count) modules of \(module) at \(angle)")
            #expect(abs(measured - module) < 0.08 * module, "\(count) modules of \(module) at \(angle)")
        }
    }

    @Test func `a blurred code has the same modules`() throws {
        let (image, corners) = Drawing.code(Drawing.modules(25, seed: 1), module: 5, angle: 0.2)
        let blurred = Drawing.smeared(image, alongRows: 1, alongColumns: 1)
        let measured = try #require(PictureFigures(of: blurred.view, codes: [corners]).modules[0])
        #expect(abs(measured - 5) < 0.4)
    }

    @Test func `what has no modules has none`() {
        let corners = [(x: 100, y: 100), (x: 300, y: 100), (x: 300, y: 300), (x: 100, y: 300)]
        let flat = Drawing.picture(640, 480) { _, _ in 90 }
        #expect(PictureFigures(of: flat.view, codes: [corners]).modules == [nil])
        for corners in [[], [(x: 1, y: 1)], [(x: -9, y: 0), (x: 99, y: 0), (x: 99, y: 99), (x: 0, y: 99)]] {
            #expect(PictureFigures(of: flat.view, codes: [corners]).modules == [nil])
        }
        let far = [(x: Int.max, y: 0), (x: Int.min, y: 0), (x: 0, y: Int.max), (x: 0, y: 1)]
        #expect(
            PictureFigures(of: flat.view, codes: [far.map { ($0.x, $0.y) }]).modules == [
                nil
            ])
    }

    @Test func `sharpness falls with blur, and does not depend on contrast or size`() throws {
        var sharpness: [Int] = []
        for blur in [0, 1, 2, 4, 8] {
            let (image, corners) = Drawing.code(Drawing.modules(21, seed: 2), module: 16)
            let blurred = Drawing.smeared(image, alongRows: blur, alongColumns: blur)
            let figures = PictureFigures(of: blurred.view, codes: [corners])
            sharpness.append(try #require(figures.sharpness))
        }
        // A mean of 2n + 1 pixels makes edges that wide.
        for (measured, width) in zip(sharpness, [1, 3, 5, 9, 17]) {
            #expect(abs(measured - 100 / width) <= 100 / width / 5 + 2, "\(sharpness)")
        }
        let (weak, corners) = Drawing.code(Drawing.modules(21, seed: 2), module: 8, dark: 90, light: 170)
        let figures = PictureFigures(of: Drawing.smeared(weak, alongRows: 1, alongColumns: 1).view, codes: [corners])
        #expect(abs((figures.sharpness ?? 0) - 33) <= 5)
    }

    @Test func `the edges of codes count, not those of the background`() throws {
        let (image, corners) = Drawing.code(Drawing.modules(21, seed: 2), module: 8, width: 640, height: 480)
        let blurred = Drawing.smeared(image, alongRows: 4, alongColumns: 4).view
        // A sharp background, and a code that is out of focus.
        let mixed = Drawing.picture(640, 480) { x, y in
            (x < 150 || x >= 490) ? (x / 4 + y / 4).isMultiple(of: 2) ? 30 : 220 : Double(blurred[x, y])
        }
        let ofCode = try #require(PictureFigures(of: mixed.view, codes: [corners]).sharpness)
        let ofAll = try #require(PictureFigures(of: mixed.view, codes: []).sharpness)
        #expect(ofCode < 20 && ofAll > 60)
    }

    @Test func `smear along rows widens edges along rows`() throws {
        let (image, corners) = Drawing.code(Drawing.modules(21, seed: 3), module: 10)
        let edges = try #require(
            PictureFigures(of: Drawing.smeared(image, alongRows: 4).view, codes: [corners]).edges)
        #expect(edges.alongRows > 6 && edges.alongColumns < 2)
    }

    @Test func `noise makes no edges`() {
        var random = SeededGenerator(seed: 6)
        let noise = Drawing.picture(320, 240) { _, _ in 128 + Double.random(in: -9...9, using: &random) }
        #expect(PictureFigures(of: noise.view, codes: []).sharpness == nil)
    }

    @Test func `light is measured`() {
        let picture = Drawing.picture(100, 100) { x, _ in x < 20 ? 5 : x < 50 ? 255 : 100 }
        let figures = PictureFigures(of: picture.view, codes: [])
        #expect(figures.black == 20 && figures.white == 30 && figures.mean == 127)
    }

    @Test(arguments: [(0, 0), (1, 1), (1, 50), (50, 1), (2, 2)])
    func `pictures of hardly any pixels do no harm`(width: Int, height: Int) {
        let picture = Drawing.picture(width, height) { _, _ in 100 }
        _ = PictureFigures(of: picture.view, codes: [[(0, 0), (50, 0), (50, 50), (0, 50)]])
    }
}

@Suite struct TuningAdviceTests {
    private func figures(_ change: (inout PictureFigures) -> Void) -> PictureFigures {
        var figures = PictureFigures()
        (figures.mean, figures.sharpness, figures.edges) = (120, 60, (1.6, 1.7))
        figures.modules = [4.2]
        change(&figures)
        return figures
    }

    private func words(_ figures: PictureFigures) -> [String] {
        TuningAdvice.sentences(figures).map { String($0.prefix { $0 != ":" }) }
    }

    @Test func `a good picture is left as it is`() {
        #expect(TuningAdvice.sentences(figures { _ in }) == ["good as it is"])
    }

    @Test func `the worst comes first, and each says what to do`() {
        #expect(words(figures { $0.mean = 30 }) == ["light"])
        #expect(words(figures { $0.mean = 230 }) == ["light"])
        #expect(TuningAdvice.sentences(figures { $0.mean = 59 })[0].contains("dark (mean 59"))
        for mean in [60, 215] { #expect(words(figures { $0.mean = mean }) == ["good as it is"]) }
        #expect(words(figures { $0.black = 70 }) == ["light"])
        #expect(words(figures { $0.white = 12 }) == ["light"])
        #expect(words(figures { ($0.sharpness, $0.edges) = (12, (8, 8)) }) == ["focus"])
        #expect(words(figures { ($0.sharpness, $0.edges) = (12, (8, 2)) }) == ["motion"])
        #expect(words(figures { $0.modules = [5, nil, 2.4] }) == ["size"])
        #expect(
            words(figures { ($0.mean, $0.sharpness, $0.edges, $0.modules) = (30, 12, (8, 8), [1.5]) })
                == ["light", "focus", "size"])
        #expect(
            TuningAdvice.sentences(figures { ($0.sharpness, $0.edges) = (12, (8, 8)) })[0]
                == "focus: turn the lens, or change the distance; sharpness 12, 40 or more is good")
        #expect(
            TuningAdvice.sentences(figures { ($0.sharpness, $0.edges) = (12, (8.04, 2)) })[0].contains("side to side"))
        #expect(
            TuningAdvice.sentences(figures { ($0.sharpness, $0.edges) = (12, (2, 8.04)) })[0].contains("up and down"))
        #expect(TuningAdvice.sentences(figures { $0.modules = [2.44] })[0].contains("2.4 pixels a module"))
    }

    @Test func `a picture without a code says so`() {
        #expect(TuningAdvice.sentences(figures { $0.modules = [] })[0].contains("no code is read"))
        #expect(
            TuningAdvice.sentences(figures { ($0.sharpness, $0.edges, $0.modules) = (nil, nil, []) })[0]
                .contains("nothing with edges"))
    }
}

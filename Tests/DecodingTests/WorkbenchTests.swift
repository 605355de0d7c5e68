import Imaging
import Scenes
import TestSupport
import Testing

@testable import Decoding

@Suite(.oneThread) struct WorkbenchTests {
    @Test func `what was painted over shows no code, and the rest still does`() throws {
        let scene = Scene(width: 900, height: 400)
        let (left, right) = (
            try scene.place("label-01", x: 200, y: 200, module: 6),
            try scene.place("label-02", x: 650, y: 200, module: 6, angle: 0.3)
        )
        let before = scene.picture.withPixels { Array($0) }
        let bench = Workbench()
        bench.begin(scene.picture.view, longest: nil)
        #expect(bench.showsCode())
        bench.paint(over: left)
        #expect(bench.showsCode())
        bench.paint(over: right)
        #expect(!bench.showsCode())
        // The caller's picture is only read.
        #expect(scene.picture.withPixels { Array($0) } == before)
        bench.begin(scene.picture.view, longest: 450)
        #expect(bench.showsCode())
        for corners in [left, right] { bench.paint(over: corners) }
        #expect(!bench.showsCode())
    }

    @Test func `a picture is prepared anew for each pass that wants another`() throws {
        let scene = Scene(width: 300, height: 200)
        try scene.place("label-01", x: 150, y: 100, module: 4)
        let bench = Workbench()
        bench.begin(scene.picture.view, longest: nil)
        func bytes(_ pass: Pass) -> [UInt8] {
            let view = bench.prepared(for: pass)
            return (0..<view.height).flatMap { y in (0..<view.width).map { view[$0, y] } }
        }
        let passes = Plan.quick + Plan.still + Plan.ofSmall + Plan.turns.flatMap { $0 } + [Plan.crowd]
        let first = passes.map { bytes($0) }
        // In another order, and from a bench that has seen another picture.
        bench.begin(LumaImage(width: 50, height: 50).view, longest: nil)
        _ = bytes(Plan.crowd)
        bench.begin(scene.picture.view, longest: nil)
        for index in passes.indices.reversed() { #expect(bytes(passes[index]) == first[index], "\(passes[index])") }
        #expect(Set(first.map(\.count)).count == 6)
    }
}

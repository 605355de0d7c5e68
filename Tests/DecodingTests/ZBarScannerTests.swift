import Imaging
import Scenes
import TestSupport
import Testing

@testable import Decoding

@Suite(.oneThread) struct ZBarScannerTests {
    @Test(arguments: [0.0, 0.4, 1.6, 3.1, 4.7])
    func `zbar's corners are those of zxing, in the same order`(angle: Double) throws {
        var scene = Scene(width: 400, height: 400)
        let corners = try scene.place("label-05", x: 200, y: 200, module: 6, angle: angle)
        scene.blur(0.6)
        let zbar = try ZBarScanner([64]).scan(scene.picture.view)
        let zxing = try ZXingReader(1 << 13).read(scene.picture.view, binarizer: .local)
        try #require(zbar.count == 1 && zxing.count == 1)
        #expect(distance(zbar[0].corners, corners) <= 4, "\(zbar[0].corners), not \(corners)")
        #expect(distance(zxing[0].corners, corners) <= 4, "\(zxing[0].corners), not \(corners)")
        #expect(zbar[0].bytes == zxing[0].bytes && zbar[0].text == zxing[0].text)
    }

    @Test func `zbar leaves parts to zxing, also where it could join them`() throws {
        let scene = Scene(width: 1000, height: 400)
        for index in 0..<3 { try scene.place("part-\(index)", x: 180 + 320 * index, y: 200, module: 6) }
        let codes = try ZBarScanner([64]).scan(scene.picture.view)
        #expect(codes.isEmpty, "\(codes)")
    }
}

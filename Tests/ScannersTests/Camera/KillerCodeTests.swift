import FrameLink
import Glibc
import Model
import Posix
import Scenes
import TestSupport
import Testing

@testable import Scanners

/// A printed code that ends the decoder in every frame that shows it. The worker is a process of its own, in which one
/// decoder ends at such a picture (Tests/MortalWorker).
@Suite(.timeLimit(.minutes(3))) struct KillerCodeTests {
    /// A picture that kills in a decoder, with a label beside it. What looks like a code and is none keeps every decoder
    /// looking.
    private static func killer(_ decoder: CodeDecoder, with label: [UInt32]? = nil, left: Int = 40) -> [UInt8] {
        let broken = Codes.third.enumerated().map { row, bits in (8...12).contains(row) ? 0 : bits & 0x1FC07F }
        var pixels = scene(broken, left: 400, top: 300)
        if let label {
            let other = scene(label, left: left, top: 40)
            for index in pixels.indices where other[index] < 100 { pixels[index] = other[index] }
        }
        (pixels[0], pixels[1]) = (0xDE, decoder.rawValue)
        return pixels
    }

    @Test(arguments: CodeDecoder.allCases)
    func `beside a code that kills one decoder, labels are read by the other`(decoder: CodeDecoder) async throws {
        let (stage, window) = (try Stage(), CameraWindow())
        let worker = DecoderProgram.program(try ChildProcess.built("mortal-worker"))
        try await reading(stage, program: worker, window: window) { sink in
            try await sink.waitForConnection()
            stage.show(Self.killer(decoder))
            try await eventually("it kills") { window.status.counts.poison > 0 }
            #expect(window.status.without == decoder)
            for (label, name, left) in [(Codes.first, "SB00001", 40), (Codes.second, "SB00002", 200)] {
                stage.show(Self.killer(decoder, with: label, left: left))
                #expect(try await sink.nextLabel() == name)
            }
            // It is tried again after ten seconds only.
            let counts = window.status.counts
            #expect(counts.poison <= 3 && counts.decoderRestarts <= 3 && counts.decoded > 0, "\(counts)")
        }
        // The camera is let go of: what reads it next begins with both.
        try await eventually("its end") { window.status.without == nil }
    }
}

struct LeftOutTests {
    private static let second: Int64 = 1_000_000

    @Test func `a decoder that killed is left out for a while, for longer each time that it kills again`() {
        var leftOut = LeftOut()
        #expect(leftOut.decoder(at: 0) == nil)
        var now: Int64 = 100 * Self.second
        var spans: [Int64] = []
        for _ in 0..<6 {
            let span = leftOut.lost(in: .zbar, at: now)
            spans.append(span / Self.second)
            #expect(leftOut.decoder(at: now) == .zbar && leftOut.decoder(at: now + span - 1) == .zbar)
            now += span
            #expect(leftOut.decoder(at: now) == nil)
        }
        #expect(spans == [10, 20, 40, 80, 160, 160])
        // A minute without a death, and it is forgotten.
        let later = leftOut.lost(in: .zbar, at: now + 60 * Self.second)
        #expect(later == LeftOut.first)
    }

    @Test func `the two are never left out together`() {
        var leftOut = LeftOut()
        _ = leftOut.lost(in: .zbar, at: 0)
        let span = leftOut.lost(in: .zxing, at: Self.second)
        #expect(span == LeftOut.first && leftOut.decoder(at: 2 * Self.second) == .zxing)
    }
}

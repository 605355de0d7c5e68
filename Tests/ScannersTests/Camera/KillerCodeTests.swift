import FrameLink
import Glibc
import Model
import Posix
import Scenes
import TestSupport
import Testing

@testable import Scanners

/// A printed code that ends the decoder in every frame that shows it. The worker is a process of its own, in which one
/// decoder or both end at such a picture (Tests/MortalWorker).
@Suite(.timeLimit(.minutes(3))) struct KillerCodeTests {
    /// A picture that kills in decoders, with a label beside it. What looks like a code and is none keeps every decoder
    /// looking.
    private static func killer(_ decoders: UInt8, with label: [UInt32]? = nil, left: Int = 40) -> [UInt8] {
        let broken = Codes.third.enumerated().map { row, bits in (8...12).contains(row) ? 0 : bits & 0x1FC07F }
        var pixels = scene(broken, left: 400, top: 300)
        if let label {
            let other = scene(label, left: left, top: 40)
            for index in pixels.indices where other[index] < 100 { pixels[index] = other[index] }
        }
        (pixels[0], pixels[1]) = (0xDE, decoders)
        return pixels
    }

    @Test(arguments: CodeDecoder.allCases)
    func `beside a code that kills one decoder, labels are read by the other`(decoder: CodeDecoder) async throws {
        let (stage, window) = (try Stage(), CameraWindow())
        let worker = DecoderProgram.program(try ChildProcess.built("mortal-worker"))
        try await reading(stage, program: worker, window: window) { sink in
            try await sink.waitForConnection()
            stage.show(Self.killer(decoder.rawValue))
            try await eventually("it kills") { window.status.counts.poison > 0 }
            #expect(window.status.without == .decoder(decoder))
            for (label, name, left) in [(Codes.first, "SB00001", 40), (Codes.second, "SB00002", 200)] {
                stage.show(Self.killer(decoder.rawValue, with: label, left: left))
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

extension KillerCodeTests {
    @Test func `where a code kills both decoders, what comes beside it is read, and the bag is in doubt`() async throws
    {
        let (stage, window) = (try Stage(), CameraWindow())
        let worker = DecoderProgram.program(try ChildProcess.built("mortal-worker"))
        let both = CodeDecoder.zbar.rawValue | CodeDecoder.zxing.rawValue
        try await reading(stage, program: worker, window: window) { sink in
            try await sink.waitForConnection()
            stage.show(Self.killer(both))
            // Nobody knows what lies there.
            _ = try await sink.next {
                if case .event(_, .missed(let text)) = $0, text.contains("both decoders") { true } else { nil }
            }
            let counts = window.status.counts
            #expect(counts.poison >= 2 && window.status.without == .background, "\(window.status)")
            stage.show(Self.killer(both, with: Codes.first, left: 200))
            #expect(try await sink.nextLabel() == "SB00001")
            // The code has gone with its bag, and the belt goes on: nothing waits for a time to pass.
            stage.show(scene(Codes.second))
            #expect(try await sink.nextLabel() == "SB00002")
            #expect(window.status.counts.poison == counts.poison, "\(window.status)")
        }
    }
}

struct LeftOutTests {
    private static let second: Int64 = 1_000_000

    @Test func `a decoder that killed is left out for a while, for longer each time that it kills again`() {
        var leftOut = LeftOut()
        #expect(leftOut.omission(at: 0) == nil)
        var now: Int64 = 100 * Self.second
        var spans: [Int64] = []
        for _ in 0..<6 {
            let span = leftOut.lost(in: .zbar, at: now).span
            spans.append(span / Self.second)
            #expect(leftOut.omission(at: now) == .decoder(.zbar))
            #expect(leftOut.omission(at: now + span - 1) == .decoder(.zbar))
            now += span
            #expect(leftOut.omission(at: now) == nil)
        }
        #expect(spans == [10, 20, 40, 80, 160, 160])
        // A minute without a death, and it is forgotten.
        let later = leftOut.lost(in: .zbar, at: now + 60 * Self.second)
        #expect(later.span == LeftOut.first)
    }

    @Test func `the two are never left out together: a death in the other leaves out what lies in the picture`() {
        var leftOut = LeftOut()
        _ = leftOut.lost(in: .zbar, at: 0)
        let first = leftOut.lost(in: .zxing, at: Self.second)
        #expect(first.omission == .background && first.span == LeftOut.first)
        // In what has changed since, by either: that lies there now, too.
        let second = leftOut.lost(in: .zbar, at: 2 * Self.second)
        #expect(second.omission == .background && second.span == 2 * LeftOut.first)
        #expect(leftOut.omission(at: 22 * Self.second - 1) == .background)
        #expect(leftOut.omission(at: 22 * Self.second) == nil)
        // The whole picture is tried again, by one decoder after the other.
        #expect(leftOut.lost(in: .zxing, at: 23 * Self.second).omission == .decoder(.zxing))
        let third = leftOut.lost(in: .zbar, at: 24 * Self.second)
        #expect(third.omission == .background && third.span == 4 * LeftOut.first)
    }

    @Test func `where both take too long, one is left out after the other, and nothing that lies in the picture`() {
        var leftOut = LeftOut()
        _ = leftOut.lost(in: .zbar, at: 0, isHang: true)
        let other = leftOut.lost(in: .zxing, at: Self.second, isHang: true)
        #expect(other.omission == .decoder(.zxing) && other.span == LeftOut.first)
        #expect(leftOut.lost(in: .zbar, at: 2 * Self.second, isHang: true).omission == .decoder(.zbar))
    }
}

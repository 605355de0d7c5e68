import Scanners
import TestSupport
import Testing

/// A belt of random passages, of which a camera loses frames at random and reads labels at random.
private struct RandomBelt {
    struct Passage {
        let label: Int
        let frames: ClosedRange<Int>
    }

    var random: SeededGenerator
    var passages: [Passage] = []
    var length = 0

    /// Passages of a label have at least 1600 ms between them; different labels overlap as they like.
    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        for label in 0..<Int.random(in: 1...6, using: &random) {
            var start = Int.random(in: 0...50, using: &random)
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let moving = Int.random(in: 0...30, using: &random)
                passages.append(.init(label: label, frames: start...(start + moving)))
                start += moving + 41 + Int.random(in: 0...100, using: &random)
            }
            length = max(length, start + 60)
        }
    }
}

@Suite struct BeltPropertyTests {
    /// Seeds anew in each run; a failure prints its own.
    private static let seeds: [UInt64] = (0..<300).map { _ in UInt64.random(in: .min ... .max) }

    @Test(arguments: seeds)
    func `each passage counts exactly once, whatever frames are lost`(seed: UInt64) {
        var belt = RandomBelt(seed: seed)
        let agree = Int.random(in: 1...2, using: &belt.random)
        let lost = Double.random(in: 0...0.6, using: &belt.random)
        let unread = Double.random(in: 0...0.8, using: &belt.random)
        var camera = BeltCamera { ($0.agree, $0.tellsNoRead) = (agree, true) }
        var reads = [Int](repeating: 0, count: belt.passages.count)
        var shown: [Int] = []
        for frame in 0..<belt.length {
            let inView = belt.passages.indices.filter { belt.passages[$0].frames.contains(frame) }
            if Double.random(in: 0..<1, using: &belt.random) < lost {
                camera.skip(1)
                continue
            }
            let read = inView.filter { _ in Double.random(in: 0..<1, using: &belt.random) >= unread }
            for passage in read { reads[passage] += 1 }
            // What moves, and what has left since the frame before, differs; so may anything.
            let changed = !inView.isEmpty || shown != inView || Bool.random(using: &belt.random)
            shown = inView
            camera.see(
                read.map { BeltCamera.code("L\(belt.passages[$0].label)") },
                changed: changed)
        }
        let scans = camera.told.filter { $0.hasPrefix("L") }.map { text in
            let parts = text.split(separator: "@")
            return (label: String(parts[0]), frame: Int(parts[1]) ?? -1)
        }
        for (index, passage) in belt.passages.enumerated() {
            let counted = scans.count { $0.label == "L\(passage.label)" && passage.frames.contains($0.frame) }
            #expect(
                counted == (reads[index] >= agree ? 1 : 0), "\(passage) read \(reads[index]) times, seed \(seed)")
        }
        #expect(scans.count == reads.count { $0 >= agree }, "a label that no frame had, seed \(seed)")
    }

    @Test(arguments: seeds)
    func `a label never counts twice within the time that it must be out of sight`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let frames = Int.random(in: 1...60, using: &random)
        var camera = BeltCamera { settings in
            settings.againAfter = .milliseconds(40) * frames
            settings.direction = BeltSettings.Direction.allCases.randomElement(using: &random) ?? .any
            settings.agree = Int.random(in: 1...2, using: &random)
        }
        var last: [Substring: Int] = [:]
        var seen: Set<Substring> = []
        for _ in 0..<2000 {
            let codes = (0..<Int.random(in: 0...3, using: &random)).map { _ in
                BeltCamera.code(
                    "L\(Int.random(in: 0...4, using: &random))", x: Int.random(in: 0...1280, using: &random),
                    y: Int.random(in: 0...720, using: &random))
            }
            for code in codes { seen.insert(Substring(decoding: code.bytes, as: UTF8.self)) }
            camera.told = []
            let number = camera.number
            camera.see(codes, changed: Bool.random(using: &random))
            for text in camera.told {
                let label = text.prefix { $0 != "@" }
                #expect(seen.contains(label), "seed \(seed)")
                #expect(number - (last[label] ?? -1000) >= frames, "\(label) at \(number), seed \(seed)")
                last[label] = number
            }
            camera.skip(Int.random(in: 0...40, using: &random) / 39 * frames)
        }
    }
}

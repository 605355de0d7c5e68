import Gzip
import TestSupport
import Testing

@Suite struct GzipTests {
    @Test(arguments: [0, 1, 2, 1023, 65_535, 65_536, 65_537, 300_000])
    func `a body of any length comes back, compressible or not`(count: Int) throws {
        var generator = SeededGenerator(seed: UInt64(count))
        let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let zeros = [UInt8](repeating: 0, count: count)
        for body in [noise, zeros] {
            for level in [1, 9] as [Int32] {
                let packed = Gzip.compress(body, level: level)
                #expect(packed.starts(with: [0x1F, 0x8B]))
                #expect(try Gzip.decompress(packed, limit: count) == body)
            }
        }
    }

    @Test func `a bomb stops at the limit`() {
        let bomb = Gzip.compress([UInt8](repeating: 0, count: 20_000_000))
        #expect(bomb.count < 100_000)
        #expect(throws: Gzip.Failure.tooLarge(limit: 1 << 20)) { try Gzip.decompress(bomb, limit: 1 << 20) }
        #expect(throws: Gzip.Failure.tooLarge(limit: 0)) { try Gzip.decompress(Gzip.compress([1]), limit: 0) }
    }

    @Test func `cut short at any byte, it is damaged`() {
        let packed = Gzip.compress(Array("a body that is long enough to be cut in many places".utf8))
        for count in 0..<packed.count {
            #expect(throws: Gzip.Failure.damaged) { try Gzip.decompress(Array(packed[..<count]), limit: 1000) }
        }
    }

    @Test func `changed in the data or the sums, it is damaged`() {
        let body = [UInt8](repeating: 7, count: 500)
        let packed = Gzip.compress(body)
        for index in 10..<packed.count {
            var changed = packed
            changed[index] ^= 0x41
            #expect(throws: Gzip.Failure.self) { try Gzip.decompress(changed, limit: 100_000) }
        }
    }

    @Test func `bytes behind the end, plain text and zlib's own format are damaged`() {
        let packed = Gzip.compress([1, 2, 3])
        for bytes in [packed + [0], packed + packed, Array("plain".utf8), [0x78, 0x9C, 3, 0, 0, 0, 0, 1]] {
            #expect(throws: Gzip.Failure.damaged) { try Gzip.decompress(bytes, limit: 1000) }
        }
    }
}

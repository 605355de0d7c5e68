import Testing

@testable import Gateway

@Suite struct SendBufferTests {
    @Test func `everything comes out once and in order, however little is taken at a time`() {
        var buffer = SendBuffer()
        var (taken, given): ([UInt8], [UInt8]) = ([], [])
        for step in 0..<200 {
            let piece = (0..<step % 17).map { UInt8(truncatingIfNeeded: step &* 31 &+ $0) }
            buffer.append(piece)
            given += piece
            var mayTake = [3, 0, 9, 1][step % 4]
            buffer.drain { rest in
                let count = min(rest.count, mayTake)
                taken += rest.prefix(count)
                mayTake -= count
                return count
            }
            #expect(taken.count + buffer.count == given.count)
        }
        buffer.drain { rest in
            taken += rest
            return rest.count
        }
        #expect(taken == given && buffer.count == 0 && buffer.held == 0)
    }

    @Test func `who keeps up but never quite costs a bound of memory`() {
        var buffer = SendBuffer()
        let piece = [UInt8](repeating: 7, count: 100_000)
        var most = 0
        buffer.append(piece)
        for _ in 0..<1000 {
            buffer.append(piece)
            var mayTake = piece.count
            buffer.drain { rest in
                defer { mayTake = 0 }
                return min(rest.count, mayTake)
            }
            most = max(most, buffer.held)
        }
        #expect(buffer.count == piece.count)
        #expect(most <= SendBuffer.keptWhenSent + 2 * piece.count)
    }

    @Test func `a large reply is moved once for each half of it, not for each piece`() {
        var buffer = SendBuffer()
        buffer.append([UInt8](repeating: 7, count: 16 << 20))
        var held: [Int] = []
        for _ in 0..<15 {
            var mayTake = 1 << 20
            buffer.drain { rest in
                defer { mayTake = 0 }
                return min(rest.count, mayTake)
            }
            held.append(buffer.held >> 20)
        }
        #expect(held == [16, 16, 16, 16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 2, 1])
    }
}

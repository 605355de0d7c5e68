/// A reader of what strangers send, and what must be true of it whatever they send.
///
/// libFuzzer drives it with inputs of its own making (`make fuzz`), an ordinary test with those of `Tests/Fuzz/corpus`.
public struct FuzzTarget: Sendable {
    /// Also the name of its folder in the corpus.
    public let name: String
    /// Reads one input; throws `FuzzFinding` where something that must be true is not. May be called from any thread.
    public let run: @Sendable (UnsafeRawBufferPointer) throws -> Void

    /// Pixels and pictures, bytes of scanners, what a file or a person says, what comes from the network.
    public static let all = [
        picture, frame, report, line, ssi, hidpos, keys, label, lane, configuration, batch, scan, encodings, signature,
        devicesAnswer, webAnswer, webPage, relay, control, form,
    ]

    init(_ name: String, raw run: @escaping @Sendable (UnsafeRawBufferPointer) throws -> Void) {
        (self.name, self.run) = (name, run)
    }

    /// A target that takes its choices from the input's first line.
    init(_ name: String, _ run: @escaping @Sendable (inout FuzzChoices, [UInt8]) throws -> Void) {
        self.init(
            name,
            raw: { bytes in
                let all = [UInt8](bytes)
                let head = all.prefix { $0 != 10 }
                var choices = FuzzChoices(head)
                try run(&choices, Array(all.dropFirst(head.count + 1)))
            })
    }
}

/// Something that must be true is not.
public struct FuzzFinding: Error, CustomStringConvertible {
    /// What, for people.
    public let description: String
}

/// Throws where it is not so.
func require(_ isSo: Bool, _ what: @autoclosure () -> String) throws {
    guard isSo else { throw FuzzFinding(description: what()) }
}

/// The bytes of an input's first line, each of which chooses among a few things; the first where none is left.
struct FuzzChoices {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    /// The next byte, 0 at the end: in text, `0` is 0, `1` is 1, `a` is 49.
    mutating func number(below limit: Int) -> Int { Int((bytes.popFirst() ?? 48) &- 48) % limit }

    /// The next byte's choice.
    mutating func one<T>(of things: [T]) -> T { things[number(below: things.count)] }

    /// The next byte's choice.
    mutating func flag() -> Bool { number(below: 2) == 1 }

    /// What is left, as text.
    var rest: String { String(decoding: bytes, as: UTF8.self) }
}

/// Bytes that are taken from the front, as scripts of several steps are.
struct FuzzBytes {
    private(set) var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// So many bytes, or what is left.
    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Up to the next line feed, which is not part of it.
    mutating func line() -> [UInt8] {
        let line = Array(rest.prefix { $0 != 10 })
        rest = rest.dropFirst(line.count + 1)
        return line
    }
}

/// The same bytes in pieces of changing sizes, as `read` may return them.
func pieces(of bytes: [UInt8], from seed: Int) -> [ArraySlice<UInt8>] {
    var (out, rest, step) = ([ArraySlice<UInt8>](), bytes[...], UInt32(truncatingIfNeeded: seed) &* 2_654_435_761 | 1)
    while !rest.isEmpty {
        step = step &* 1_664_525 &+ 1_013_904_223
        let piece = rest.prefix(1 + Int(step >> 24) % (step & 0x10000 == 0 ? 7 : 300))
        out.append(piece)
        rest = rest.dropFirst(piece.count)
    }
    return out
}

extension LaneState {
    private static let version: UInt8 = 1

    /// The state as bytes for the spool's lane row: a version byte, then the fields, little-endian, texts and labels
    /// led by 32 bits of length.
    public func encode() -> [UInt8] {
        var bytes: [UInt8] = [LaneState.version]
        func append(_ text: some Collection<UInt8>) {
            append(integer: UInt32(truncatingIfNeeded: text.count))
            bytes.append(contentsOf: text)
        }
        func append(integer value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(boot.utf8)
        append(parent.utf8)
        append(integer: Int64(children))
        append(lastLabel)
        append(integer: lastLabelNs)
        append(integer: lastActivityNs)
        return bytes
    }

    /// The state of an encoding.
    ///
    /// Bytes of a newer version, or damaged ones, give a fresh state: the lane asks for the bag again, which is always
    /// right, where a guess might link a child to the wrong bag.
    public init(decoding bytes: [UInt8]) {
        self = LaneState.read(bytes) ?? LaneState()
    }

    private static func read(_ bytes: [UInt8]) -> LaneState? {
        guard bytes.first == version else { return nil }
        var rest = bytes.dropFirst()
        func integer<T: FixedWidthInteger>(_: T.Type) -> T? {
            guard rest.count >= T.bitWidth / 8 else { return nil }
            defer { rest = rest.dropFirst(T.bitWidth / 8) }
            return rest.prefix(T.bitWidth / 8).reversed().reduce(0) { $0 << 8 | T($1) }
        }
        func blob() -> [UInt8]? {
            guard let count = integer(UInt32.self), rest.count >= Int(count) else { return nil }
            defer { rest = rest.dropFirst(Int(count)) }
            return Array(rest.prefix(Int(count)))
        }
        func text() -> String? { blob().flatMap { String(validating: $0, as: UTF8.self) } }
        guard let boot = text(), let parent = text(), let children = integer(Int64.self), children >= 0,
            let lastLabel = blob(), let lastLabelNs = integer(Int64.self), let lastActivityNs = integer(Int64.self),
            rest.isEmpty
        else { return nil }
        var state = LaneState()
        state.boot = boot
        state.parent = parent
        state.children = Int(children)
        state.lastLabel = lastLabel
        state.lastLabelNs = lastLabelNs
        state.lastActivityNs = lastActivityNs
        return state
    }
}

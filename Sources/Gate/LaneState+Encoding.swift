extension LaneState {
    private static let version: UInt8 = 2
    /// The same, of a bag that an admin has named.
    private static let versionOfNamed: UInt8 = 3
    /// Without the children's labels.
    private static let versionWithoutLabels: UInt8 = 1

    /// The state as bytes for the spool's lane row: a version byte, then the fields, little-endian, texts, labels and
    /// lists led by 32 bits of length. At most 8 bytes a child, 240 for a bag of 30.
    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(128 + lastLabel.count + 8 * labels.count)
        bytes.append(isNamed ? LaneState.versionOfNamed : LaneState.version)
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
        append(integer: UInt32(truncatingIfNeeded: labels.count))
        for label in labels { append(integer: label) }
        return bytes
    }

    /// The state of an encoding.
    ///
    /// One of version 1 has its count and no labels. Bytes of a newer version, or damaged ones, give a fresh state: the
    /// lane asks for the bag again, which is always right, where a guess might link a child to the wrong bag.
    public init(decoding bytes: [UInt8]) {
        self = LaneState.read(bytes) ?? LaneState()
    }

    private static func read(_ bytes: [UInt8]) -> LaneState? {
        guard let version = bytes.first, [self.version, versionOfNamed, versionWithoutLabels].contains(version) else {
            return nil
        }
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
            let lastLabel = blob(), let lastLabelNs = integer(Int64.self), let lastActivityNs = integer(Int64.self)
        else { return nil }
        var labels: [UInt64] = []
        if version != versionWithoutLabels {
            guard let count = integer(UInt32.self), count <= maxLabels, rest.count == 8 * Int(count) else { return nil }
            labels.reserveCapacity(Int(count))
            for _ in 0..<count { if let label = integer(UInt64.self) { labels.append(label) } }
        }
        guard rest.isEmpty, labels.count <= children else { return nil }
        var state = LaneState()
        state.boot = boot
        state.parent = parent
        state.isNamed = version == versionOfNamed
        state.children = Int(children)
        state.labels = labels
        state.lastLabel = lastLabel
        state.lastLabelNs = lastLabelNs
        state.lastActivityNs = lastActivityNs
        return state
    }
}

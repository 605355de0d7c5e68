internal import CTOML

extension TOMLValue {
    /// The most bytes that `parse` takes.
    public static let maxBytes = 1 << 20

    /// Reads one TOML 1.0 text into its root table.
    ///
    /// Text that is not UTF-8, duplicate keys, more than `maxBytes` and tables more than 32 deep are errors. Any
    /// thread.
    public static func parse(_ bytes: [UInt8]) throws(TOMLError) -> TOMLValue {
        let start = TOMLPosition(line: 1, column: 1)
        guard bytes.count <= maxBytes else {
            throw TOMLError(message: "the text is longer than \(maxBytes) bytes", position: start)
        }
        // toml++ takes a NUL for the end of the text, and what follows would be ignored in silence.
        if let nul = bytes.firstIndex(of: 0) {
            let line = bytes[..<nul].count { $0 == UInt8(ascii: "\n") } + 1
            throw TOMLError(message: "a NUL byte", position: TOMLPosition(line: line, column: 0))
        }
        let document = bytes.withUnsafeBytes { buffer in
            scangate_toml_parse(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard let document else { throw TOMLError(message: "out of memory", position: start) }
        defer { scangate_toml_free(document) }
        var line: UInt32 = 0
        var column: UInt32 = 0
        if let message = scangate_toml_error(document, &line, &column) {
            throw TOMLError(
                message: String(cString: message), position: TOMLPosition(line: Int(line), column: Int(column)))
        }
        var count = 0
        let nodes = UnsafeBufferPointer(start: scangate_toml_nodes(document, &count), count: count)
        var next = nodes.startIndex
        return read(nodes, &next)
    }

    // Depth is bounded by the shim.
    private static func read(_ nodes: UnsafeBufferPointer<scangate_toml_node>, _ next: inout Int) -> TOMLValue {
        let node = nodes[next]
        next += 1
        let kind: Kind =
            switch scangate_toml_kind(UInt32(bitPattern: node.kind)) {
            case SCANGATE_TOML_STRING: .string(text(node.text, node.text_size))
            case SCANGATE_TOML_INTEGER: .integer(node.integer)
            case SCANGATE_TOML_REAL: .real(node.real)
            case SCANGATE_TOML_BOOLEAN: .boolean(node.integer != 0)
            case SCANGATE_TOML_DATE_TIME: .dateTime(text(node.text, node.text_size))
            case SCANGATE_TOML_ARRAY: .array((0..<node.children).map { _ in read(nodes, &next) })
            default: .table((0..<node.children).map { _ in readMember(nodes, &next) })
            }
        return TOMLValue(kind, at: TOMLPosition(line: Int(node.line), column: Int(node.column)))
    }

    private static func readMember(_ nodes: UnsafeBufferPointer<scangate_toml_node>, _ next: inout Int) -> TOMLMember {
        let node = nodes[next]
        return TOMLMember(
            key: text(node.key, node.key_size),
            position: TOMLPosition(line: Int(node.key_line), column: Int(node.key_column)),
            value: read(nodes, &next))
    }

    private static func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let start else { return "" }
        return start.withMemoryRebound(to: UInt8.self, capacity: count) {
            String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
        }
    }
}

internal import CJansson
internal import Model

/// A JSON value as it was read. Objects keep their order; integers stay integers.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent, within 64 bits.
    case integer(Int64)
    /// Any other number.
    case real(Double)
    case string(String)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])

    /// Equal in kind and value; the order of an object's members counts.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.integer(let a), .integer(let b)): a == b
        case (.real(let a), .real(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a.count == b.count && zip(a, b).allSatisfy { $0 == $1 }
        default: false
        }
    }

    /// The member of that name, or nil where this is no object or has none.
    public subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The text, or nil where this is no string.
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    /// The number, or nil where this is no integer.
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    /// The truth value, or nil where this is none.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, or nil where this is no array.
    public var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    /// The members in order, or nil where this is no object.
    public var object: [(key: String, value: JSONValue)]? {
        if case .object(let members) = self { members } else { nil }
    }
}

/// Why a text is not JSON, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in the parser's words; bytes of the text that it quotes are escaped.
    public let message: String
    /// The line, from 1.
    public let line: Int
    /// The column, from 1.
    public let column: Int
    /// Whether all that is wrong, as far as the parser came, is an object that names a key twice.
    public let isRepeatedKey: Bool
    /// A sentence for people.
    public var description: String { "not JSON: line \(line), column \(column): \(message)" }
}

extension JSONValue {
    /// Reads one JSON text (RFC 8259).
    ///
    /// Duplicate keys, bytes that are not UTF-8 and anything after the value are errors; so is nesting deeper than the
    /// parser's 2,048. The caller bounds the size. A top-level value of any kind is taken.
    public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var error = json_error_t()
        // A buffer of no bytes has no address, which the parser takes for a programming error.
        guard !bytes.isEmpty else {
            throw JSONError(message: "the text is empty", line: 1, column: 1, isRepeatedKey: false)
        }
        // The parser takes a NUL between tokens for the end of the text and would pass over what comes behind it.
        guard !bytes.contains(0) else {
            throw JSONError(message: "a NUL in the text", line: 1, column: 1, isRepeatedKey: false)
        }
        let flags = Int(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL)
        let root = bytes.withUnsafeBytes { buffer in
            json_loadb(buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count, flags, &error)
        }
        guard let root else {
            let message = withUnsafeBytes(of: error.text) { text in Safe.text(text.prefix { $0 != 0 }) }
            let isRepeatedKey = json_error_code(&error) == json_error_duplicate_key
            throw JSONError(
                message: message, line: Int(error.line), column: Int(error.column), isRepeatedKey: isRepeatedKey)
        }
        defer { json_delete(root) }
        return convert(root)
    }

    // The tree is freed whole, whatever the reference counts say: nothing keeps a part of it.
    private static func convert(_ node: UnsafeMutablePointer<json_t>) -> JSONValue {
        switch node.pointee.type {
        case JSON_OBJECT: return convertObject(node)
        case JSON_ARRAY:
            return .array((0..<json_array_size(node)).map { json_array_get(node, $0).map(convert) ?? .null })
        case JSON_STRING: return .string(text(json_string_value(node), json_string_length(node)))
        case JSON_INTEGER: return .integer(json_integer_value(node))
        case JSON_REAL: return .real(json_real_value(node))
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        default: return .null
        }
    }

    private static func convertObject(_ node: UnsafeMutablePointer<json_t>) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = []
        members.reserveCapacity(json_object_size(node))
        var iterator = json_object_iter(node)
        while let place = iterator {
            let key = json_object_iter_key(place)
            let value = json_object_iter_value(place).map(convert) ?? .null
            members.append((text(key, json_object_iter_key_len(place)), value))
            iterator = json_object_iter_next(node, place)
        }
        return .object(members)
    }

    private static func text(_ start: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let start else { return "" }
        return start.withMemoryRebound(to: UInt8.self, capacity: count) {
            String(decoding: UnsafeBufferPointer(start: $0, count: count), as: UTF8.self)
        }
    }
}

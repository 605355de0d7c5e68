internal import CPCRE2

/// Why a regular expression cannot be used, and where.
public struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in PCRE2's words.
    public let message: String
    /// The byte of the expression at which it was noticed, from 0.
    public let offset: Int

    /// A sentence for people.
    public var description: String { "\(message) at byte \(offset)" }
}

/// What a search came to.
public enum PatternResult: Sendable, Equatable {
    /// Not found.
    case none
    /// Found: the range of the whole match, then of each group; nil for a group that took no part.
    case match([Range<Int>?])
    /// Given up at a bound: this expression on this text would take too long.
    case tooHard
}

/// A compiled regular expression (PCRE2) over bytes.
///
/// The text may be any bytes; no character set is assumed. `$` and `\Z` mean the very end: a trailing line feed is part
/// of the text. Compiled once, then used from any thread: each search has memory of its own.
///
/// Bounds of a search, at which it gives up with `tooHard`: `matchLimit` steps from any one starting byte, as many
/// levels of backtracking, 4 MiB of memory. Expressions are at most 4,096 bytes long.
public final class Pattern: Sendable, Equatable {
    /// Backtracking steps from one starting byte: milliseconds at most for a label of any allowed length.
    public static let matchLimit = 20_000
    /// The most bytes of an expression.
    public static let maxBytes = 4096

    /// The expression as written.
    public let text: String
    /// How many groups it has.
    public let groups: Int
    private let code: Code

    // PCRE2's compiled code is read-only once made, which its manual promises for use by several threads at once.
    private struct Code: @unchecked Sendable {
        let compiled: OpaquePointer
        let limits: OpaquePointer
    }

    /// Compiles an expression; with just-in-time code where the machine and its policy allow it.
    public init(_ text: String) throws(PatternError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Pattern.maxBytes else {
            throw PatternError(message: "longer than \(Pattern.maxBytes) bytes", offset: Pattern.maxBytes)
        }
        var failure: Int32 = 0
        var offset = 0
        // (*UTF) inside an expression would make every text that is not UTF-8 an error.
        let options = PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | UInt32(PCRE2_NEVER_BACKSLASH_C)
        guard let compiled = pcre2_compile_8(bytes, bytes.count, options, &failure, &offset, nil) else {
            throw PatternError(message: Pattern.message(failure), offset: offset)
        }
        guard let limits = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(compiled)
            throw PatternError(message: "out of memory", offset: 0)
        }
        pcre2_set_match_limit_8(limits, UInt32(Pattern.matchLimit))
        pcre2_set_depth_limit_8(limits, UInt32(Pattern.matchLimit))
        pcre2_set_heap_limit_8(limits, 4096)
        // Without it (a hardened unit forbids memory that is written and run) the interpreter does the same work.
        _ = pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE)
        var count: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        self.text = text
        groups = Int(count)
        code = Code(compiled: compiled, limits: limits)
    }

    deinit {
        pcre2_match_context_free_8(code.limits)
        pcre2_code_free_8(code.compiled)
    }

    /// Equal where the expressions are written alike.
    public static func == (left: Pattern, right: Pattern) -> Bool { left.text == right.text }

    /// Searches `bytes` from `start` on for the first match; ranges count from the beginning of `bytes`.
    public func captures(in bytes: [UInt8], from start: Int = 0) -> PatternResult {
        bytes.withUnsafeBufferPointer { search($0, from: start) }
    }

    /// Searches a part of a text as if it were all there is; ranges count as the slice's own indices do.
    public func captures(in slice: ArraySlice<UInt8>) -> PatternResult {
        let found = slice.withUnsafeBufferPointer { search($0, from: 0) }
        guard case .match(let ranges) = found else { return found }
        let shift = slice.startIndex
        return .match(ranges.map { range in range.map { $0.lowerBound + shift..<$0.upperBound + shift } })
    }

    /// For each byte value, whether a text may match that begins with it and with the match; never wrongly false.
    ///
    /// Costs 256 short searches: asked once, it spares a caller that tries every part of a text most of its searches.
    public func firstBytes() -> [Bool] {
        guard let data = pcre2_match_data_create_from_pattern_8(code.compiled, nil) else {
            return [Bool](repeating: true, count: 256)
        }
        defer { pcre2_match_data_free_8(data) }
        return (0...255).map { value in
            let text = [UInt8(value)]
            return pcre2_match_8(code.compiled, text, 1, 0, PCRE2_PARTIAL_SOFT, data, code.limits)
                != PCRE2_ERROR_NOMATCH
        }
    }

    private func search(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> PatternResult {
        guard start <= text.count else { return .none }
        guard let data = pcre2_match_data_create_from_pattern_8(code.compiled, nil) else { return .tooHard }
        defer { pcre2_match_data_free_8(data) }
        // No bytes may have no address, which PCRE2 10.42 calls an error.
        var nothing: UInt8 = 0
        func match(_ options: UInt32) -> Int32 {
            withUnsafePointer(to: &nothing) {
                pcre2_match_8(code.compiled, text.baseAddress ?? $0, text.count, start, options, data, code.limits)
            }
        }
        var found = match(0)
        // Compiled code has 32 KiB of stack; the interpreter takes its memory from the heap, within the limit.
        if found == PCRE2_ERROR_JIT_STACKLIMIT { found = match(PCRE2_NO_JIT) }
        if found == PCRE2_ERROR_NOMATCH { return .none }
        guard found > 0, let vector = pcre2_get_ovector_pointer_8(data) else { return .tooHard }
        return .match(
            (0...groups).map { group in
                let (from, to) = (vector[2 * group], vector[2 * group + 1])
                // Unset is all ones. A match may begin behind its end where \K is used.
                return group < Int(found) && 0 <= from && from <= to && to <= text.count ? from..<to : nil
            })
    }

    private static func message(_ failure: Int32) -> String {
        var text = [UInt8](repeating: 0, count: 256)
        let count = pcre2_get_error_message_8(failure, &text, text.count)
        return count > 0 ? String(decoding: text.prefix(Int(count)), as: UTF8.self) : "error \(failure)"
    }
}

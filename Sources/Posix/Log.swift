internal import Glibc
internal import Model

/// The daemon's log: one line a `write(2)` to standard error, with journald's `<N>` priority prefix under systemd.
///
/// Standard output would be block-buffered under systemd, and a line would be lost with the process. Every line is
/// passed through `Safe.text`, so scanned text cannot forge a line or move a terminal's cursor. Any thread.
public enum Log {
    /// What a reader has to do about a line.
    public enum Level: Int, Sendable {
        /// Data lost, or a person is needed.
        case error = 3
        /// Unexpected, but nothing lost.
        case warning = 4
        /// A change of state worth knowing.
        case notice = 5
        /// The normal course of things.
        case info = 6
    }

    private static let underJournal = getenv("JOURNAL_STREAM") != nil

    /// Writes one line; at most 2,000 bytes of `text`.
    public static func write(_ level: Level, _ text: String) {
        let prefix = underJournal ? "<\(level.rawValue)>" : "\(level): "
        let line = Array((prefix + Safe.text(text, limit: 2000) + "\n").utf8)
        _ = line.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// Writes each line of `text` as a line of its own: for sentences of this program that span several, such as the
    /// mistakes of a configuration, in which every quoted text has been escaped.
    public static func lines(_ level: Level, _ text: String) {
        for line in text.split(separator: "\n") { write(level, String(line)) }
    }

    /// A line of level error: data lost, or a person is needed.
    public static func error(_ text: String) { write(.error, text) }
    /// A line of level warning: unexpected, nothing lost.
    public static func warning(_ text: String) { write(.warning, text) }
    /// A line of level notice: a change of state.
    public static func notice(_ text: String) { write(.notice, text) }
    /// A line of level info.
    public static func info(_ text: String) { write(.info, text) }
}

internal import Model

/// What a scanner that sends lines can be told, and what it replies in the midst of them: the tables that tell one maker
/// from another.
struct LineLanguage {
    /// Its own feedback.
    var signals: [Signal: Answer] = [:]
    /// What starts and ends a read without its button.
    var trigger: (on: Answer, off: Answer)?
    /// Sent once after each opening.
    var initial: [UInt8] = []
    /// Replies that are no part of a scan.
    var replies: [[ReplyFilter.Piece]] = []

    /// What the settings ask for.
    init(_ settings: SerialSettings) {
        switch settings.language {
        case .plain, .ssi: break
        case .honeywell: self = .honeywell(initial: settings.initial)
        case .datalogic: self = .datalogic(isStar: settings.isStar)
        case .gm65: self = .gm65(asksForAIM: settings.hasAIM)
        }
    }

    private init() {}

    /// Honeywell's host commands: SYN T CR and SYN U CR start and end a read in manual or serial trigger mode (TRGMOD0).
    /// Feedback is that of the host acknowledgement mode, each command `0 ESC n ,`: 7 good read, 8 error, 4, 5 and 6 a
    /// low, medium and high beep; the scanner has to be in that mode (Xenon user guide).
    ///
    /// - Parameter initial: the menu commands among these bytes (`SYN M CR TAGSUBdata!`) are echoed by the scanner with
    ///   ACK, NAK or ENQ before each mark of punctuation; exactly these echoes are taken out of what it sends.
    static func honeywell(initial: [UInt8]) -> LineLanguage {
        func host(_ commands: String) -> Answer {
            Answer(commands.utf8.flatMap { [UInt8(ascii: "0"), 0x1B, $0, UInt8(ascii: ",")] })
        }
        var language = LineLanguage()
        language.signals = [
            .stored: host("7"), .storedOffline: host("74"), .refused: host("88"), .duplicate: host("55"),
            .bagComplete: host("456"),
        ]
        language.trigger = (Answer([0x16, 0x54, 0x0D]), Answer([0x16, 0x55, 0x0D]))
        language.replies = echoes(of: initial)
        return language
    }

    private static func echoes(of bytes: [UInt8]) -> [[ReplyFilter.Piece]] {
        var patterns: [[ReplyFilter.Piece]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.starts(with: [0x16, 0x4D, 0x0D]) else {
                rest.removeFirst()
                continue
            }
            rest = rest.dropFirst(3)
            var pattern: [ReplyFilter.Piece] = []
            while let byte = rest.popFirst() {
                let isEnd = byte == UInt8(ascii: "!") || byte == UInt8(ascii: ".")
                if isEnd || byte == UInt8(ascii: ";") || byte == UInt8(ascii: ",") { pattern.append(.verdict) }
                pattern.append(.byte(byte))
                if isEnd {
                    patterns.append(pattern)
                    break
                }
            }
        }
        return patterns
    }

    /// Datalogic's RS-232 host commands: `E` and `D` enable and disable, which starts and ends reading on a presentation
    /// scanner; 0x01 sounds the good-read tone whatever the beeper is set to. There is no other tone that leaves the
    /// scanner reading (`F` disables it), so the signals differ by number and rhythm.
    ///
    /// - Parameter isStar: a STAR base's `ESC [ n q` instead: 0 high, 1 low, 2 long low, 3 good read, 4 bad read,
    ///   5 wait 100 ms, 6 and 7 the green LED on and off (Gryphon GBT4200).
    static func datalogic(isStar: Bool) -> LineLanguage {
        func beeps(_ count: Int, every milliseconds: Int) -> Answer {
            Answer((0..<count).map { _ in Answer.Step([0x01], pause: .milliseconds(milliseconds)) })
        }
        func star(_ codes: String) -> Answer {
            Answer(codes.utf8.flatMap { [0x1B, UInt8(ascii: "["), $0, UInt8(ascii: "q")] })
        }
        var language = LineLanguage()
        language.signals =
            isStar
            ? [
                .stored: star("3657"), .storedOffline: star("3515"), .refused: star("4525"), .duplicate: star("050"),
                .bagComplete: star("6051507"),
            ]
            : [
                .stored: beeps(1, every: 100), .storedOffline: beeps(2, every: 600), .refused: beeps(5, every: 200),
                .duplicate: beeps(2, every: 200), .bagComplete: beeps(3, every: 400),
            ]
        language.trigger = (Answer([UInt8(ascii: "E")]), Answer([UInt8(ascii: "D")]))
        return language
    }

    /// Grow GM60, GM65, GM67, GM861: no beep command, so there is no feedback but a configured one; start and stop of a
    /// read; the AIM identifier switched on for the opening where the settings want one.
    static func gm65(asksForAIM: Bool) -> LineLanguage {
        var language = LineLanguage()
        language.trigger = (
            Answer(GM65Frame.write([0x01], to: 0x0002, isChecked: false)),
            Answer(GM65Frame.write([0x00], to: 0x0002, isChecked: false))
        )
        if asksForAIM { language.initial = GM65Frame.write([0x80], to: 0x00D0, isChecked: false) }
        language.replies = [GM65Frame.acknowledgement.map { .byte($0) }]
        return language
    }
}

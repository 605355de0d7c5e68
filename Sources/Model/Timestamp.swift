/// Wall-clock times as the contract writes them: `YYYY-MM-DDThh:mm:ss.mmmZ`, 24 characters, UTC.
public enum Timestamp {
    /// Appends the 24 characters; years 0000 to 9999, anything outside is clamped.
    public static func append(_ unixMs: Int64, to bytes: inout [UInt8]) { bytes.append(contentsOf: text(unixMs).utf8) }

    /// The 24 characters.
    public static func text(_ unixMs: Int64) -> String {
        String(unsafeUninitializedCapacity: 24) { out in
            write(unixMs, to: out)
            return 24
        }
    }

    private static func write(_ unixMs: Int64, to out: UnsafeMutableBufferPointer<UInt8>) {
        let clamped = min(max(unixMs, -62_167_219_200_000), 253_402_300_799_999)
        let (days, msOfDay) = divideDown(clamped, 86_400_000)
        let date = civil(fromDays: days)
        let form: StaticString = "0000-00-00T00:00:00.000Z"
        for place in 0..<24 { out[place] = form.utf8Start[place] }
        digits(date.year, 4, at: 0, out)
        digits(date.month, 2, at: 5, out)
        digits(date.day, 2, at: 8, out)
        digits(msOfDay / 3_600_000, 2, at: 11, out)
        digits(msOfDay / 60_000 % 60, 2, at: 14, out)
        digits(msOfDay / 1000 % 60, 2, at: 17, out)
        digits(msOfDay % 1000, 3, at: 20, out)
    }

    /// Milliseconds since 1970, or nil where the text is not exactly of the 24-character form or names no real time.
    public static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        let form = Array("####-##-##T##:##:##.###Z".utf8)
        guard bytes.count == form.count else { return nil }
        for (byte, wanted) in zip(bytes, form) {
            guard wanted == UInt8(ascii: "#") ? (48...57).contains(byte) : byte == wanted else { return nil }
        }
        func number(_ range: Range<Int>) -> Int64 { bytes[range].reduce(0) { $0 * 10 + Int64($1 - 48) } }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        guard (1...12).contains(month), hour < 24, minute < 60, second < 60 else { return nil }
        let days = days(fromYear: year, month: month, day: day)
        let back = civil(fromDays: days)
        guard back.month == month, back.day == day else { return nil }
        return ((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + number(20..<23)
    }

    /// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
    public static func days(fromYear year: Int64, month: Int64, day: Int64) -> Int64 {
        // Years are counted from March, so that the leap day is the last one.
        let shifted = month <= 2 ? year - 1 : year
        let (era, yearOfEra) = divideDown(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = divideDown(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func divideDown(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
        let remainder = ((value % by) + by) % by
        return ((value - remainder) / by, remainder)
    }

    private static func digits(
        _ value: Int64, _ count: Int, at start: Int, _ out: UnsafeMutableBufferPointer<UInt8>
    ) {
        var rest = value
        for place in (start..<(start + count)).reversed() {
            out[place] = 48 + UInt8(rest % 10)
            rest /= 10
        }
    }
}

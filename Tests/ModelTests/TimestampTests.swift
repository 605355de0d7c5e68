import Model
import TestSupport
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_709_164_800_123, "2024-02-29T00:00:00.123Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
            (4_107_456_000_000, "2100-02-28T00:00:00.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-2_203_891_200_000, "1900-03-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_162_121_600_000, "0000-02-29T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func `a time is written and read back`(unixMs: Int64, text: String) {
        #expect(Timestamp.text(unixMs) == text)
        #expect(Timestamp.parse(text) == unixMs)
    }

    @Test(
        arguments: [
            "1900-02-29T00:00:00.000Z", "2023-02-29T00:00:00.000Z", "2100-02-29T00:00:00.000Z",
            "2024-02-30T00:00:00.000Z", "2024-04-31T00:00:00.000Z", "2024-00-01T00:00:00.000Z",
            "2024-13-01T00:00:00.000Z", "2024-01-00T00:00:00.000Z", "2024-01-32T00:00:00.000Z",
            "2024-01-01T24:00:00.000Z", "2024-01-01T00:60:00.000Z", "2024-01-01T23:59:60.000Z",
            "2024-01-01t00:00:00.000Z", "2024-01-01T00:00:00.000z", "2024-01-01 00:00:00.000Z",
            "2024-01-01T00:00:00,000Z", "2024-01-01T00:00:00.00Z", "2024-01-01T00:00:00.0000Z",
            "2024-01-01T00:00:00Z", "+024-01-01T00:00:00.000Z", "-001-01-01T00:00:00.000Z",
            "2024-01-01T00:00:00.000", "2024-1-01T00:00:00.0000Z", "２024-01-01T00:00:00.0Z", "",
        ])
    func `no other form and no date that never was is read`(text: String) { #expect(Timestamp.parse(text) == nil) }

    @Test func `times outside four-digit years are written as the nearest one inside`() {
        #expect(Timestamp.text(.max) == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp.text(.min) == "0000-01-01T00:00:00.000Z")
    }

    @Test func `any time of four-digit years comes back`() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<5000 {
            let unixMs = Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &generator)
            #expect(Timestamp.parse(Timestamp.text(unixMs)) == unixMs)
        }
    }

    @Test func `the days of four centuries follow one another`() {
        var last = Timestamp.days(fromYear: 1999, month: 12, day: 31)
        for year in 2000..<2400 as Range<Int64> {
            let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            for (month, days) in [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
                for day in 1...Int64(days) {
                    last += 1
                    #expect(Timestamp.days(fromYear: year, month: Int64(month + 1), day: day) == last)
                }
            }
        }
    }
}

import PlatterHTTP
import Testing

@Suite("HTTP dates")
struct HTTPDateTests {
    /// Sat, 21 Nov 2026 00:00:00 GMT.
    private static let now: Int64 = 1_795_219_200

    @Test(
        "the three formats of the RFC's example are one moment",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ])
    func threeFormats(_ text: String) {
        #expect(HTTPDate.parse(text, now: Self.now) == 784_111_777)
    }

    @Test(
        "letter case and white space around the date do not matter",
        arguments: [
            "sun, 06 nov 1994 08:49:37 gmt", "SUN, 06 NOV 1994 08:49:37 GMT",
            "SUNDAY, 06-nOV-94 08:49:37 Gmt", "suN noV  6 08:49:37 1994",
            " Sun, 06 Nov 1994 08:49:37 GMT\t",
        ])
    func letterCase(_ text: String) {
        #expect(HTTPDate.parse(text, now: Self.now) == 784_111_777)
    }

    @Test(
        "known moments are exact",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Int64(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Thu, 18 Aug 2050 02:01:18 GMT", 2_544_400_878),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
            ("Mon, 01 Jan 0001 00:00:00 GMT", -62_135_596_800),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ])
    func knownMoments(_ text: String, _ seconds: Int64) {
        #expect(HTTPDate.parse(text, now: Self.now) == seconds)
        #expect(HTTPDate.format(seconds) == text)
    }

    @Test("a leap second is the first of the next minute")
    func leapSecond() {
        #expect(HTTPDate.parse("Sat, 31 Dec 2016 23:59:60 GMT", now: Self.now) == 1_483_228_800)
    }

    @Test(
        "anything else is no date",
        arguments: [
            "", " ", "0", "-1", "784111777", "Sun", "Sun,", "Sun, 06 Nov 1994",
            "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 AEST", "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37 GMT+1", "Sun, 06 Nov 1994 08:49:37 GMTx",
            "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 006 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT", "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06-Nov-1994 08:49:37 GMT", "Sunday, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT", "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun,  06 Nov 1994 08:49:37 GMT", "Sun, 06  Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994  08:49:37 GMT", "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 32 Jan 1994 08:49:37 GMT",
            "Tue, 29 Feb 1994 08:49:37 GMT", "Thu, 29 Feb 1900 08:49:37 GMT",
            "Sun, 06 Nox 1994 08:49:37 GMT", "Sux, 06 Nov 1994 08:49:37 GMT",
            "Sund, 06 Nov 1994 08:49:37 GMT", "Mon, 01 Jan 0000 00:00:00 GMT",
            "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT, ",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94", "Sun Nov 006 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT", "Sun, Nov  6 08:49:37 1994",
            "Sunday Nov  6 08:49:37 1994", "Sun, 0\u{661} Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT\n",
        ])
    func invalid(_ text: String) { #expect(HTTPDate.parse(text, now: Self.now) == nil) }

    @Test(
        "a year of two digits is the latest that is at most 50 years ahead",
        arguments: [
            ("Saturday, 21-Nov-26 00:00:00 GMT", "Sat, 21 Nov 2026 00:00:00 GMT"),
            ("Monday, 01-Jan-76 00:00:00 GMT", "Wed, 01 Jan 2076 00:00:00 GMT"),
            ("Friday, 31-Dec-76 00:00:00 GMT", "Fri, 31 Dec 1976 00:00:00 GMT"),
            ("Saturday, 01-Jan-77 00:00:00 GMT", "Sat, 01 Jan 1977 00:00:00 GMT"),
            ("Friday, 31-Dec-99 23:59:59 GMT", "Fri, 31 Dec 1999 23:59:59 GMT"),
            ("Tuesday, 29-Feb-00 00:00:00 GMT", "Tue, 29 Feb 2000 00:00:00 GMT"),
        ])
    func twoDigitYear(_ short: String, _ long: String) throws {
        let seconds = try #require(HTTPDate.parse(short, now: Self.now))
        #expect(HTTPDate.format(seconds) == long)
    }

    @Test("late in a century a year of two digits may be in the next one")
    func nextCentury() throws {
        let late = try #require(HTTPDate.parse("Thu, 31 Dec 2099 00:00:00 GMT", now: 0))
        let seconds = try #require(HTTPDate.parse("Friday, 01-Jan-10 00:00:00 GMT", now: late))
        #expect(HTTPDate.format(seconds) == "Wed, 01 Jan 2110 00:00:00 GMT")
    }

    @Test(
        "no clock makes a year of two digits trap",
        arguments: [Int64.min, -62_135_596_800, 253_402_300_799, .max])
    func extremeClock(_ now: Int64) {
        let seconds = HTTPDate.parse("Sunday, 06-Nov-94 08:49:37 GMT", now: now)
        #expect(seconds == nil || HTTPDate.format(seconds ?? 0).contains("94 08:49:37 GMT"))
    }

    @Test("a moment without a date is formatted as the nearest that has one")
    func extremeFormat() {
        #expect(HTTPDate.format(.min) == "Mon, 01 Jan 0001 00:00:00 GMT")
        #expect(HTTPDate.format(.max) == "Fri, 31 Dec 9999 23:59:59 GMT")
    }

    @Test("every day of three centuries is formatted as a calendar counts it, and read back")
    func everyDay() {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = [
            ("Jan", 31), ("Feb", 28), ("Mar", 31), ("Apr", 30), ("May", 31), ("Jun", 30),
            ("Jul", 31), ("Aug", 31), ("Sep", 30), ("Oct", 31), ("Nov", 30), ("Dec", 31),
        ]
        var days = 0
        for year in 1970..<2270 {
            for (name, usual) in months {
                let isLeapMonth =
                    name == "Feb" && (year % 400 == 0 || (year % 4 == 0 && year % 100 != 0))
                for day in 1...(isLeapMonth ? usual + 1 : usual) {
                    let text =
                        "\(weekdays[days % 7]), \(day < 10 ? "0" : "")\(day) \(name) \(year) "
                        + "08:09:07 GMT"
                    let seconds = Int64(days) * 86_400 + 29_347
                    guard HTTPDate.format(seconds) == text,
                        HTTPDate.parse(text, now: Self.now) == seconds
                    else {
                        Issue.record("\(text)")
                        return
                    }
                    days += 1
                }
            }
        }
        #expect(days == 109_573)
    }

    @Test("random moments of all years are read back")
    func randomMoments() {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<20_000 {
            let seconds = Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)
            let text = HTTPDate.format(seconds)
            #expect(HTTPDate.parse(text, now: Self.now) == seconds, "\(text)")
        }
    }

    @Test("a date with one byte changed is no date or another valid one, and never traps")
    func mutations() {
        var random = SeededGenerator(seed: 7)
        let dates = [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ]
        for _ in 0..<20_000 {
            var bytes = Array(dates[Int.random(in: 0..<3, using: &random)].utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(
                in: 0x20...0x7E, using: &random)
            let text = String(decoding: bytes, as: UTF8.self)
            guard let seconds = HTTPDate.parse(text, now: Self.now) else { continue }
            #expect(HTTPDate.parse(HTTPDate.format(seconds), now: Self.now) == seconds)
        }
    }
}

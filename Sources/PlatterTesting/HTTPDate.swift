#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// Dates as HTTP writes them: IMF-fixdate (RFC 9110 section 5.6.7). Seconds since 1970, UTC.
package enum HTTPDate {
    private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    /// The last second of the year 9999: the format has four digits.
    private static let latest: Int64 = 253_402_300_799

    /// The wall clock, in whole seconds.
    package static func now() -> Int64 { Int64(time(nil)) }

    /// For example `Sun, 06 Nov 1994 08:49:37 GMT`. Clamped to the years 1970 to 9999.
    package static func text(_ seconds: Int64) -> String {
        let clamped = min(max(0, seconds), latest)
        let (day, second) = (clamped / 86_400, clamped % 86_400)
        let date = civil(day)
        let weekday = days[Int(day % 7)]
        let clock = [second / 3600, second / 60 % 60, second % 60].map(twoDigits)
            .joined(separator: ":")
        return "\(weekday), \(twoDigits(date.day)) \(months[date.month]) \(date.year) \(clock) GMT"
    }

    /// Year, month from 0 and day from 1 of a day since 1970. Counts whole years and months: a date
    /// is at most 8,030 years away, and one is written per response.
    private static func civil(_ day: Int64) -> (year: Int64, month: Int, day: Int64) {
        let fourCenturies: Int64 = 146_097
        var rest = day
        var year = 1970 + rest / fourCenturies * 400
        rest %= fourCenturies
        while rest >= (isLeap(year) ? 366 : 365) {
            rest -= isLeap(year) ? 366 : 365
            year += 1
        }
        var month = 0
        while rest >= length(ofMonth: month, year: year) {
            rest -= length(ofMonth: month, year: year)
            month += 1
        }
        return (year, month, rest + 1)
    }

    private static func length(ofMonth month: Int, year: Int64) -> Int64 {
        switch month {
        case 1: isLeap(year) ? 29 : 28
        case 3, 5, 8, 10: 30
        default: 31
        }
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    private static func twoDigits(_ value: Int64) -> String {
        value < 10 ? "0\(value)" : "\(value)"
    }
}

/// A moment in the proleptic Gregorian calendar, UTC, of the years 1 to 9999: the arithmetic behind
/// HTTP dates.
struct CivilDate: Hashable {
    /// Seconds since 1970 of the first and the last moment that has a date.
    static let seconds: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    private static let secondsPerDay: Int64 = 86_400
    /// Days from 1 January of the year 1 to 1 January 1970.
    private static let daysBefore1970: Int64 = 719_162
    /// Days of a year before each month, leap day aside.
    private static let daysBeforeMonth: [Int64] = [
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365,
    ]

    let year: Int64
    /// 1 to 12.
    let month: Int64
    /// 1 to 31.
    let day: Int64
    /// 0 to 86,400; the last is a leap second at midnight.
    let secondOfDay: Int64

    /// - Returns: nil for a day that the month does not have, a year outside 1 to 9999, or a time
    ///   outside the day. Second 60 is accepted, as a leap second (RFC 9110 section 5.6.7).
    init?(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
        guard 1...9999 ~= year, 1...12 ~= month, 0...23 ~= hour, 0...59 ~= minute,
            0...60 ~= second, 1...Self.days(in: month, of: year) ~= day
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.secondOfDay = hour * 3600 + minute * 60 + second
    }

    /// The date of `seconds` since 1970; the nearest that exists outside the years 1 to 9999.
    init(secondsSince1970 seconds: Int64) {
        let bounded = min(max(seconds, Self.seconds.lowerBound), Self.seconds.upperBound)
        // Counted from the year 1, everything is positive and division rounds down.
        let sinceYear1 = bounded + Self.daysBefore1970 * Self.secondsPerDay
        var day = sinceYear1 / Self.secondsPerDay
        let (n400, rest400) = day.quotientAndRemainder(dividingBy: 146_097)
        let n100 = min(rest400 / 36_524, 3)
        let (n4, rest4) = (rest400 - n100 * 36_524).quotientAndRemainder(dividingBy: 1_461)
        let n1 = min(rest4 / 365, 3)
        day = rest4 - n1 * 365
        let year = n400 * 400 + n100 * 100 + n4 * 4 + n1 + 1
        let month = (1...12).last { Self.days(before: $0, of: year) <= day } ?? 1
        self.year = year
        self.month = month
        self.day = day - Self.days(before: month, of: year) + 1
        self.secondOfDay = sinceYear1 % Self.secondsPerDay
    }

    var secondsSince1970: Int64 {
        let past = year - 1
        let dayOfYear = Self.days(before: month, of: year) + day - 1
        let days = past * 365 + past / 4 - past / 100 + past / 400 + dayOfYear
        return (days - Self.daysBefore1970) * Self.secondsPerDay + secondOfDay
    }

    /// 0 is Monday.
    var weekday: Int {
        let days = (secondsSince1970 - Self.seconds.lowerBound) / Self.secondsPerDay
        // 1 January of the year 1 was a Monday.
        return Int(days % 7)
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// Days of `year` before `month`, which is 1 to 13.
    private static func days(before month: Int64, of year: Int64) -> Int64 {
        daysBeforeMonth[Int(month - 1)] + (month > 2 && isLeap(year) ? 1 : 0)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        days(before: month + 1, of: year) - days(before: month, of: year)
    }
}

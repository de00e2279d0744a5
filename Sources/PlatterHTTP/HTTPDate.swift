/// Dates in fields (RFC 9110 section 5.6.7), as seconds since 1970, UTC.
package enum HTTPDate {
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let weekdays = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]
    /// 50 years of mean length, in seconds.
    private static let fiftyYears: Int64 = 50 * 31_556_952

    /// Reads all three formats: IMF-fixdate, the RFC 850 one and asctime's. Letter case is ignored;
    /// the day's name must be one, but is not checked against the date.
    ///
    /// - Parameter now: Seconds since 1970. A year of two digits is the latest that is not more than
    ///   50 years after it.
    /// - Returns: nil for anything else, which a recipient treats as no date at all.
    package static func parse(_ text: String, now: Int64) -> Int64? {
        let value = FieldSyntax.trimmed(FieldSyntax.bytes(text))
        // "Sunday, 06-Nov-94 08:49:37 GMT" is the longest kind by a long name; all are short.
        guard value.count <= 40, let nameEnd = value.firstIndex(where: { !isLetter($0) })
        else { return nil }
        var reader = DateReader(rest: value[nameEnd...])
        let name = FieldSyntax.lowercased(value[..<nameEnd])
        if weekdays.contains(name) { return reader.readRFC850(now: now) }
        guard weekdays.contains(where: { $0.prefix(3) == name }) else { return nil }
        return reader.rest.first == FieldSyntax.comma ? reader.readIMF() : reader.readASCTime()
    }

    /// IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`. Moments outside the years 1 to 9999
    /// become the nearest inside.
    package static func format(_ seconds: Int64) -> String {
        let date = CivilDate(secondsSince1970: seconds)
        let time = date.secondOfDay
        let clock = [time / 3600, time / 60 % 60, time % 60].map { padded($0, 2) }
        let weekday = capitalised(weekdays[date.weekday].prefix(3))
        let month = capitalised(months[Int(date.month - 1)].prefix(3))
        return "\(weekday), \(padded(date.day, 2)) \(month) \(padded(date.year, 4)) "
            + clock.joined(separator: ":") + " GMT"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    private static func capitalised(_ name: Substring) -> String {
        name.prefix(1).uppercased() + name.dropFirst()
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        UInt8(ascii: "a")...UInt8(ascii: "z") ~= FieldSyntax.lowercased(byte)
    }

    /// What follows the day's name, read from left to right.
    private struct DateReader {
        var rest: FieldBytes

        /// `, 06 Nov 1994 08:49:37 GMT`
        mutating func readIMF() -> Int64? {
            guard skip(", "), let day = number(2), skip(" "), let month = month(), skip(" "),
                let year = number(4), skip(" "), let time = time(), skip(" gmt"), rest.isEmpty
            else { return nil }
            return date(year, month, day, time)
        }

        /// `, 06-Nov-94 08:49:37 GMT`
        mutating func readRFC850(now: Int64) -> Int64? {
            guard skip(", "), let day = number(2), skip("-"), let month = month(), skip("-"),
                let year = number(2), skip(" "), let time = time(), skip(" gmt"), rest.isEmpty
            else { return nil }
            let current = CivilDate(secondsSince1970: now)
            let limit = current.secondsSince1970 + HTTPDate.fiftyYears
            let century = current.year / 100
            for candidate in [century + 1, century, century - 1] {
                if let seconds = date(candidate * 100 + year, month, day, time), seconds <= limit {
                    return seconds
                }
            }
            return nil
        }

        /// ` Nov  6 08:49:37 1994`
        mutating func readASCTime() -> Int64? {
            guard skip(" "), let month = month(), skip(" "),
                let day = skip(" ") ? number(1) : number(2), skip(" "), let time = time(),
                skip(" "), let year = number(4), rest.isEmpty
            else { return nil }
            return date(year, month, day, time)
        }

        private func date(_ year: Int64, _ month: Int64, _ day: Int64, _ time: [Int64]) -> Int64? {
            CivilDate(
                year: year, month: month, day: day, hour: time[0], minute: time[1], second: time[2]
            )?.secondsSince1970
        }

        /// Hour, minute, second: always three numbers.
        private mutating func time() -> [Int64]? {
            guard let hour = number(2), skip(":"), let minute = number(2), skip(":"),
                let second = number(2)
            else { return nil }
            return [hour, minute, second]
        }

        private mutating func month() -> Int64? {
            let name = FieldSyntax.lowercased(rest.prefix(3))
            guard let index = HTTPDate.months.firstIndex(of: name) else { return nil }
            rest = rest.dropFirst(3)
            return Int64(index) + 1
        }

        /// Exactly so many digits, at most 4.
        private mutating func number(_ digits: Int) -> Int64? {
            guard rest.count >= digits, let value = FieldSyntax.exactNumber(rest.prefix(digits))
            else { return nil }
            rest = rest.dropFirst(digits)
            return value
        }

        private mutating func skip(_ text: String) -> Bool {
            guard FieldSyntax.equal(rest.prefix(text.utf8.count), text) else { return false }
            rest = rest.dropFirst(text.utf8.count)
            return true
        }
    }
}

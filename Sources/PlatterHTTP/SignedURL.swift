import PlatterCore

/// When a signed URL stops working, as far as its query says. Each signer has words of its own.
package enum SignedURL {
    /// Smaller numbers are no moment of a signature [9 September 2001], but an episode or a page.
    private static let leastMoment: Int64 = 1_000_000_000

    /// Seconds since 1970; the earliest of several, nil when the query says nothing that can be read.
    package static func expiry(of url: OriginURL) -> Int64? {
        guard let query = url.query else { return nil }
        var values: [String: FieldBytes] = [:]
        for pair in FieldSyntax.bytes(query).split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            values[FieldSyntax.lowercased(name)] = pair[name.endIndex...].dropFirst()
        }
        // CloudFront, old S3 and many home-made signers; JWT; nginx's secure_link as often set up.
        let moments = ["expires", "exp", "e"].compactMap { values[$0].flatMap(moment) }
        let spans = ["x-amz", "x-goog"].compactMap { signer in
            span(date: values["\(signer)-date"], seconds: values["\(signer)-expires"])
        }
        return (moments + spans).min()
    }

    private static func moment(_ bytes: FieldBytes) -> Int64? {
        FieldSyntax.clampedNumber(bytes).flatMap { $0 >= leastMoment ? $0 : nil }
    }

    /// So many seconds after a date such as `20261121T000000Z`.
    private static func span(date: FieldBytes?, seconds: FieldBytes?) -> Int64? {
        guard let date, let seconds = seconds.flatMap(FieldSyntax.clampedNumber),
            date.count == 16, date.dropFirst(8).first == UInt8(ascii: "T"),
            date.last == UInt8(ascii: "Z")
        else { return nil }
        func number(_ offset: Int, _ count: Int) -> Int64? {
            FieldSyntax.exactNumber(date.dropFirst(offset).prefix(count))
        }
        guard let year = number(0, 4), let month = number(4, 2), let day = number(6, 2),
            let hour = number(9, 2), let minute = number(11, 2), let second = number(13, 2),
            let moment = CivilDate(
                year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        return moment.secondsSince1970.addingClamped(seconds)
    }
}

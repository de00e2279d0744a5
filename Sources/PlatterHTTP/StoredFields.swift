package import HTTPTypes

/// The fields of a response that are kept with an entry, and their text for the index.
package enum StoredFields {
    /// Bytes of the longest text, names, separators and line ends included.
    package static let maximumLength = 32 << 10

    /// The fields to keep, in their order (RFC 9111 section 3.1).
    ///
    /// Dropped are the fields of the connection and those that `Connection` names, those that
    /// `no-cache="..."` and `private="..."` name, cookies, what belongs to one message and not to the
    /// version, where it lies, and what speaks for the origin as a whole. If the rest is too much, the fields that
    /// describe the content go first, then the others in their order as far as they fit.
    package static func select(from fields: HTTPFields) -> HTTPFields {
        let control = CacheControl.parse(fields[values: .cacheControl])
        let named = Set(
            FieldSyntax.tokens(fields[values: .connection])
                + control.fieldNames(of: "no-cache") + control.fieldNames(of: "private"))
        let kept = fields.filter { field in
            let name = field.name.canonicalName
            return !dropped.contains(name) && !named.contains(name) && isForEveryone(field)
                && HTTPField.isValidValue(field.value)
        }
        var room = maximumLength
        var chosen: Set<Int> = []
        let places = kept.indices
        for place in places.filter({ essential.contains(kept[$0].name.canonicalName) })
            + places.filter({ !essential.contains(kept[$0].name.canonicalName) })
        {
            let length = line(kept[place]).utf8.count
            guard length <= room else { continue }
            room -= length
            chosen.insert(place)
        }
        return HTTPFields(places.filter { chosen.contains($0) }.map { kept[$0] })
    }

    /// One `name: value` a line, each ended by LF. `parse` reads it.
    package static func serialised(_ fields: HTTPFields) -> String {
        fields.map(line).joined()
    }

    /// - Returns: nil for text that is too long, a line without end or separator, a name that is no
    ///   token, and a value with control characters (but the tab) or white space around it.
    package static func parse(_ text: String) -> HTTPFields? {
        let bytes = FieldSyntax.bytes(text)
        guard bytes.count <= maximumLength else { return nil }
        if bytes.isEmpty { return HTTPFields() }
        guard bytes.last == lineFeed else { return nil }
        var fields = HTTPFields()
        for line in bytes.dropLast().split(separator: lineFeed, omittingEmptySubsequences: false) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self)),
                line[(colon + 1)...].first == 0x20
            else { return nil }
            let value = String(decoding: line[(colon + 2)...], as: UTF8.self)
            guard HTTPField.isValidValue(value) else { return nil }
            fields.append(HTTPField(name: name, value: value))
        }
        return fields
    }

    private static let lineFeed = UInt8(ascii: "\n")

    private static func line(_ field: HTTPField) -> String {
        "\(field.name.rawName): \(field.value)\n"
    }

    /// Permission for one web origin must not be repeated to another: the response was stored although
    /// it may vary on `Origin`.
    private static func isForEveryone(_ field: HTTPField) -> Bool {
        field.name != .accessControlAllowOrigin || field.value == "*"
    }

    private static let essential: Set<String> = [
        "content-type", "etag", "last-modified", "date", "cache-control", "expires", "vary",
        "content-disposition", "content-language", "content-location",
    ]

    private static let dropped: Set<String> = [
        // Of the connection (RFC 9110 section 7.6.1).
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "proxy-authenticate", "proxy-authorization", "proxy-authentication-info",
        // Of one user.
        "set-cookie", "set-cookie2", "www-authenticate", "authentication-info",
        "access-control-allow-credentials",
        // Of one message: its length, its age, a digest of its part.
        "content-length", "content-range", "accept-ranges", "age", "retry-after", "server-timing",
        "content-digest", "content-md5",
        // Where it lies at the origin, with a signature perhaps.
        "location",
        // Of the origin as a whole, which we are not.
        "alt-svc", "strict-transport-security", "public-key-pins", "expect-ct", "clear-site-data",
        "nel", "report-to", "reporting-endpoints",
    ]
}

package import HTTPTypes
package import PlatterHTTP

/// The rules for going where an origin points (RFC 9110 section 15.4).
package enum Redirect {
    /// 304 is not among them: it points nowhere.
    package static let statuses: Set<Int> = [301, 302, 303, 307, 308]

    /// What goes along to another origin. Everything else may be a credential. A range never goes without
    /// the version that it is to be of.
    private static let harmless: Set<HTTPField.Name> = [
        .accept, .acceptLanguage, .userAgent, .range, .ifRange,
    ]

    /// The next URL, and the fields to send there.
    ///
    /// - Throws: `.badRedirect` for what is no http URL, or leaves https.
    package static func follow(
        _ location: String, from url: OriginURL, fields: HTTPFields
    ) throws(OriginError) -> (OriginURL, HTTPFields) {
        let next: OriginURL
        do {
            next = try url.resolving(escaped(location))
        } catch {
            throw .badRedirect
        }
        if url.scheme == .https, next.scheme == .http { throw .badRedirect }
        guard next.origin != url.origin else { return (next, fields) }
        var kept = HTTPFields()
        for field in fields where harmless.contains(field.name) { kept.append(field) }
        return (next, kept)
    }

    /// Some servers write spaces and letters beyond ASCII as they are, and all clients understand them.
    private static func escaped(_ location: String) -> String {
        var bytes: [UInt8] = []
        for byte in location.utf8 {
            if byte == 0x20 || byte >= 0x80 {
                bytes += "%\(String(byte, radix: 16, uppercase: true))".utf8
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

package import HTTPTypes
package import PlatterHTTP

/// The rules for going where an origin points (RFC 9110 section 15.4).
package enum Redirect {
    /// 304 is not among them: it points nowhere.
    package static let statuses: Set<Int> = [301, 302, 303, 307, 308]

    /// What goes along to another origin. Everything else may be a credential.
    private static let harmless: Set<HTTPField.Name> = [
        .accept, .acceptLanguage, .userAgent, .range,
    ]

    /// The next URL, and the fields to send there.
    ///
    /// - Throws: `.badRedirect` for what is no http URL, or leaves https.
    package static func follow(
        _ location: String, from url: OriginURL, fields: HTTPFields
    ) throws(OriginError) -> (OriginURL, HTTPFields) {
        let next: OriginURL
        do {
            next = try url.resolving(location)
        } catch {
            throw .badRedirect
        }
        if url.scheme == .https, next.scheme == .http { throw .badRedirect }
        guard next.origin != url.origin else { return (next, fields) }
        var kept = HTTPFields()
        for field in fields where harmless.contains(field.name) { kept.append(field) }
        return (next, kept)
    }
}

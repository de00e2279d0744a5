package import HTTPTypes

/// What becomes of a request after its preconditions.
package enum PreconditionOutcome: Hashable, Sendable {
    /// Answer as if unconditional; the `Range` field counts only if `honourRange`.
    case proceed(honourRange: Bool)
    /// 304, without content.
    case notModified
    /// 412, without content.
    case failed
}

/// The five conditional fields of a request (RFC 9110 section 13).
///
/// Only to be asked when the answer would else be a 200 or 206 (section 13.2.1), and only against a
/// representation that we hold.
package enum Preconditions {
    /// Evaluates in the order of RFC 9110 section 13.2.2.
    ///
    /// Other methods than GET and HEAD go to the origin with their fields, so nothing is decided for
    /// them here; and `Range` is defined for GET alone (section 14.2).
    ///
    /// - Parameter now: Seconds since 1970, for dates with a year of two digits.
    package static func evaluate(
        method: HTTPRequest.Method, fields: HTTPFields, current: RepresentationMetadata, now: Int64
    ) -> PreconditionOutcome {
        guard method == .get || method == .head else { return .proceed(honourRange: false) }
        guard isWantedVersion(fields, current, now) else { return .failed }
        guard isNews(fields, current, now) else { return .notModified }
        return .proceed(honourRange: method == .get && allowsRange(fields, current, now))
    }

    /// Whether an origin's own answer is of another version than the one that is demanded (`If-Match`, else
    /// `If-Unmodified-Since`; RFC 9110 section 13.1). Only what the answer says of itself counts: a tag that is
    /// ours, and not the origin's, is in none.
    package static func demandsAnother(
        than answer: HTTPFields, fields: HTTPFields, receivedAt: Int64
    ) -> Bool {
        let current = RepresentationMetadata(fields: answer, receivedAt: receivedAt)
        if fields.contains(.ifMatch), current.etag == nil { return false }
        return !isWantedVersion(fields, current, receivedAt)
    }

    /// `If-Match`, else `If-Unmodified-Since` (RFC 9110 sections 13.1.1 and 13.1.4).
    ///
    /// The opaque tags are compared weakly although the RFC says strongly: a common player strips the
    /// `W/` of the tag it was given, and a strong comparison would make every seek of it fail. A list
    /// that cannot be read matches nothing; a date that cannot be read is ignored.
    private static func isWantedVersion(
        _ fields: HTTPFields, _ current: RepresentationMetadata, _ now: Int64
    ) -> Bool {
        if fields.contains(.ifMatch) {
            return EntityTagList.parse(fields[values: .ifMatch])?.weaklyContains(current.etag)
                ?? false
        }
        guard let date = date(fields[.ifUnmodifiedSince], now), let modified = current.lastModified
        else { return true }
        return modified <= date
    }

    /// `If-None-Match`, else `If-Modified-Since` (RFC 9110 sections 13.1.2 and 13.1.3). What cannot
    /// be read never makes a 304.
    private static func isNews(
        _ fields: HTTPFields, _ current: RepresentationMetadata, _ now: Int64
    ) -> Bool {
        if fields.contains(.ifNoneMatch) {
            let list = EntityTagList.parse(fields[values: .ifNoneMatch])
            return list.map { !$0.weaklyContains(current.etag) } ?? true
        }
        guard let date = date(fields[.ifModifiedSince], now), let modified = current.lastModified
        else { return true }
        return modified > date
    }

    /// `If-Range` (RFC 9110 section 13.1.5): an entity tag by strong comparison, or a strong date by
    /// exact match. Without `Range` it means nothing.
    private static func allowsRange(
        _ fields: HTTPFields, _ current: RepresentationMetadata, _ now: Int64
    ) -> Bool {
        guard fields.contains(.range), let condition = fields[.ifRange] else { return true }
        if let tag = EntityTag.parse(condition) {
            return current.etag?.stronglyMatches(tag) ?? false
        }
        guard let date = date(condition, now) else { return false }
        return current.lastModifiedIsStrong && current.lastModified == date
    }

    private static func date(_ text: String?, _ now: Int64) -> Int64? {
        text.flatMap { HTTPDate.parse($0, now: now) }
    }
}

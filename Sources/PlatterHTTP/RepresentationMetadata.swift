package import HTTPTypes
package import PlatterCore

/// What a response says about its version (RFC 9110 section 8.8): the material of preconditions and
/// validators.
package struct RepresentationMetadata: Hashable, Sendable {
    package let etag: EntityTag?
    /// Seconds since 1970.
    package let lastModified: Int64?
    /// Whether the date is so much older than the response that carried it that no second version can
    /// hide behind it (RFC 9110 section 8.8.2.2): one second by the origin's clock, or
    /// `clockDifference` by ours.
    package let lastModifiedIsStrong: Bool

    /// By how much the clock of an origin that sends no `Date` may be behind ours [60 s].
    package static let clockDifference: Int64 = 60

    package init(etag: EntityTag?, lastModified: Int64?, lastModifiedIsStrong: Bool) {
        self.etag = etag
        self.lastModified = lastModified
        self.lastModifiedIsStrong = lastModifiedIsStrong
    }

    /// Reads a response's fields. A malformed or repeated field counts as absent.
    ///
    /// - Parameter receivedAt: Seconds since 1970 when the response came; stands in for a missing
    ///   `Date`. For stored fields this is the time of storing, never the present.
    package init(fields: HTTPFields, receivedAt: Int64) {
        let modified = fields[.lastModified].flatMap { HTTPDate.parse($0, now: receivedAt) }
        let date = fields[.date].flatMap { HTTPDate.parse($0, now: receivedAt) }
        let age = date == nil ? Self.clockDifference : 1
        self.init(
            etag: fields[.eTag].flatMap { EntityTag.parse($0) },
            lastModified: modified,
            lastModifiedIsStrong: modified.map { (date ?? receivedAt) >= $0.addingClamped(age) }
                ?? false)
    }
}

extension Validator {
    /// The validator of a response: its strong entity tag, else its modification date and its weak tag,
    /// or the one of them that it has.
    ///
    /// - Parameter receivedAt: Seconds since 1970; stands in for a missing `Date`.
    package static func from(fields: HTTPFields, receivedAt: Int64) -> Validator {
        RepresentationMetadata(fields: fields, receivedAt: receivedAt).validator
    }

    /// Whether two responses are of the same version, as far as they say: the kind and the value are
    /// equal, an absent one only equals an absent one.
    ///
    /// One exception: the same modification date is equal whether strong or not, because a date grows
    /// strong by mere waiting. Whether bytes may be combined is another question (`isStrong`).
    package func hasSameVersion(as other: Validator) -> Bool {
        grown == other.grown
    }

    /// As it will be when it has waited long enough.
    private var grown: Validator {
        switch self {
        case .weaklyModified(let at): .modified(at: at)
        case .weaklyModifiedWithTag(let at, let tag): .modifiedWithTag(at: at, tag: tag)
        case .strong, .weak, .modified, .modifiedWithTag, .absent: self
        }
    }

    /// The text for the index; `init(serialised:)` reads it.
    package var serialised: String {
        switch self {
        case .strong(let tag): tag
        case .weak(let tag): "W/" + tag
        case .modified(let at): "modified \(at)"
        case .weaklyModified(let at): "weakly-modified \(at)"
        case .modifiedWithTag(let at, let tag): "modified \(at) W/\(tag)"
        case .weaklyModifiedWithTag(let at, let tag): "weakly-modified \(at) W/\(tag)"
        case .absent: "absent"
        }
    }

    /// - Returns: nil for any text that `serialised` would not have written.
    package init?(serialised text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        let value: Validator? =
            switch words.first {
            case "modified" where words.count == 2: Int64(words[1]).map { .modified(at: $0) }
            case "weakly-modified" where words.count == 2:
                Int64(words[1]).map { .weaklyModified(at: $0) }
            case "modified" where words.count == 3:
                Self.dated(words).map { .modifiedWithTag(at: $0.at, tag: $0.tag) }
            case "weakly-modified" where words.count == 3:
                Self.dated(words).map { .weaklyModifiedWithTag(at: $0.at, tag: $0.tag) }
            case "absent": .absent
            default:
                EntityTag.parse(text).map {
                    $0.isWeak ? .weak(tag: $0.opaque) : .strong(tag: $0.opaque)
                }
            }
        // Writing it again catches every second spelling: "+1", "007", white space.
        guard let value, value.serialised.utf8.elementsEqual(text.utf8) else { return nil }
        self = value
    }

    private static func dated(_ words: [Substring]) -> (at: Int64, tag: String)? {
        guard let at = Int64(words[1]), let tag = EntityTag.parse(String(words[2])), tag.isWeak
        else { return nil }
        return (at, tag.opaque)
    }
}

extension RepresentationMetadata {
    /// The one validator that tells this version from others.
    package var validator: Validator {
        if let etag, !etag.isWeak { return .strong(tag: etag.opaque) }
        guard let at = lastModified else {
            return etag.map { .weak(tag: $0.opaque) } ?? .absent
        }
        guard let tag = etag?.opaque else {
            return lastModifiedIsStrong ? .modified(at: at) : .weaklyModified(at: at)
        }
        return lastModifiedIsStrong
            ? .modifiedWithTag(at: at, tag: tag) : .weaklyModifiedWithTag(at: at, tag: tag)
    }
}

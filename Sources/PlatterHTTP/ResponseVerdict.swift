package import PlatterCore

/// What a fetch asked, and what the entry already knows about its version.
package struct FetchExpectation: Hashable, Sendable {
    package let asked: AskedRange
    /// nil while the entry is being opened: this response decides.
    package let identity: RepresentationIdentity?

    package init(asked: AskedRange, identity: RepresentationIdentity?) {
        self.asked = asked
        self.identity = identity
    }
}

/// What every response must agree on before its bytes may join those of an entry.
package struct RepresentationIdentity: Hashable, Sendable {
    package let validator: Validator
    /// Bytes, 0 or more.
    package let completeLength: Int64
    /// The value of `Content-Type`, if there was one.
    package let contentType: String?

    package init(validator: Validator, completeLength: Int64, contentType: String?) {
        self.validator = validator
        self.completeLength = completeLength
        self.contentType = contentType
    }
}

/// The head of a response whose body may be used.
package struct AcceptedHead: Hashable, Sendable {
    /// The bytes of the representation that the body carries, from its first to its last.
    package let body: ByteRange
    package let completeLength: Int64
    package let validator: Validator
    package let contentType: String?

    package init(
        body: ByteRange, completeLength: Int64, validator: Validator, contentType: String?
    ) {
        self.body = body
        self.completeLength = completeLength
        self.validator = validator
        self.contentType = contentType
    }

    /// Bytes that the body must have; more or fewer are not to be recorded.
    package var bodyLength: Int64 { body.length }

    /// What later responses have to agree with.
    package var identity: RepresentationIdentity {
        RepresentationIdentity(
            validator: validator, completeLength: completeLength, contentType: contentType)
    }
}

/// What an origin's response head is good for.
package enum Verdict: Hashable, Sendable {
    /// A 206 that carries part or all of what was asked, from its beginning (of a suffix: up to its
    /// end). What is short is to be asked again.
    case partial(AcceptedHead)
    /// A 200 with a length, of the right version. The origin may lack ranges: what was asked for may
    /// lie far into the body, and the caller decides how much of it to take.
    case whole(AcceptedHead)
    /// A 200 that cannot serve what was asked. Its bytes are not to be recorded.
    case wholeUnusable(UnusableReason)
    /// 416; the complete length is a hint, if there is one.
    case unsatisfiable(completeLength: Int64?)
    /// A good response of another version. Its bytes must not join those of the entry.
    case changed(ChangeReason)
    /// The value of `Location`, not yet resolved.
    case redirect(location: String)
    /// Worth asking again; `retryAfter` is in seconds, 0 to `ResponseCheck.longestRetryAfter`.
    case retryable(status: Int, retryAfter: Int64?)
    /// A 4xx that asking again does not change.
    case rejected(status: Int)
    /// Not a sane answer to one range request.
    case malformed(MalformedReason)

    /// Whether it is good, and of the version that was expected, if one was.
    package var isOfVersion: Bool {
        switch self {
        case .partial, .whole: true
        case .wholeUnusable, .unsatisfiable, .changed, .redirect, .retryable, .rejected, .malformed:
            false
        }
    }

    /// Whether it is what was asked for: a part, and of the version that was expected, if one was. What is not
    /// may come from where the object is not any more.
    package var isHopedFor: Bool {
        switch self {
        case .partial, .retryable: true
        case .whole, .wholeUnusable, .unsatisfiable, .changed, .redirect, .rejected, .malformed:
            false
        }
    }

    /// Whether the whole came.
    package var isWhole: Bool { if case .whole = self { true } else { false } }

    package enum UnusableReason: String, Hashable, Sendable, CustomStringConvertible {
        case lengthUnknown = "a 200 without Content-Length"

        package var description: String { rawValue }
    }

    package enum ChangeReason: String, Hashable, Sendable, CustomStringConvertible {
        case contentType = "a document where media was"
        case validator = "another validator"
        case completeLength = "another complete length"

        package var description: String { rawValue }
    }

    package enum MalformedReason: String, Hashable, Sendable, CustomStringConvertible {
        case contentCoded = "content coding"
        case multipart = "multipart answer to one range"
        case contentRangeMissing = "206 without Content-Range"
        case contentRangeRepeated = "several Content-Range lines"
        case contentRangeInvalid = "invalid Content-Range"
        case contentRangeOfWhole = "200 with Content-Range"
        case otherVersion = "206 of another version than that in If-Range"
        case completeLengthUnknown = "Content-Range without complete length"
        case wrongStart = "range starts elsewhere"
        case wrongEnd = "suffix does not reach the end"
        case beyondAsked = "range exceeds what was asked"
        case contentLengthInvalid = "invalid Content-Length"
        case contentLengthMismatch = "Content-Length differs from the range"
        case locationMissing = "redirect without one Location"
        case anonymous = "a 200 that names neither a version nor media"
        case unexpectedStatus = "unexpected status"

        package var description: String { rawValue }
    }
}

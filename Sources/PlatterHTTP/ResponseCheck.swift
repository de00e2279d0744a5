package import HTTPTypes
import PlatterCore

/// The checks that a response head passes before the first byte of its body is looked at.
package enum ResponseCheck {
    /// Seconds; a longer `Retry-After` is cut.
    package static let longestRetryAfter: Int64 = 3600

    /// Judges the final response to one GET with one `Range` and without conditions.
    ///
    /// A fault of the response itself comes before a difference from the entry, because a response
    /// that contradicts itself proves nothing about the entry.
    ///
    /// - Parameter receivedAt: Seconds since 1970.
    package static func verdict(
        status: Int, fields: HTTPFields, expectation: FetchExpectation, receivedAt: Int64
    ) -> Verdict {
        switch status {
        case 206: partial(fields, expectation, receivedAt)
        case 200: whole(fields, expectation, receivedAt)
        case 416: .unsatisfiable(completeLength: unsatisfiedLength(fields))
        case 301, 302, 303, 307, 308: redirect(fields)
        case 408, 425, 429, 500...599:
            .retryable(status: status, retryAfter: retryAfter(fields, receivedAt))
        case 400...499: .rejected(status: status)
        default: .malformed(.unexpectedStatus)
        }
    }

    /// As `Verdict.isHopedFor`. The whole is, too, where all was asked for or the origin is known to lack ranges.
    package static func isHopedFor(
        status: Int, fields: HTTPFields, expectation: FetchExpectation, lacksRanges: Bool = false,
        receivedAt: Int64
    ) -> Bool {
        let found = verdict(
            status: status, fields: fields, expectation: expectation, receivedAt: receivedAt)
        if found.isHopedFor { return true }
        switch found {
        case .whole, .wholeUnusable: return lacksRanges || expectation.asked.isAll
        default: return false
        }
    }

    /// The two that say that it was too much.
    package static func isThrottling(_ status: Int) -> Bool { status == 429 || status == 503 }

    // MARK: 206

    private static func partial(
        _ fields: HTTPFields, _ expectation: FetchExpectation, _ receivedAt: Int64
    ) -> Verdict {
        guard fields.areUncoded else { return .malformed(.contentCoded) }
        let (body, length): (ByteRange, Int64)
        switch extent(fields) {
        case .malformed(let reason): return .malformed(reason)
        case .range(_, nil): return .malformed(.completeLengthUnknown)
        case .range(let range, let completeLength?): (body, length) = (range, completeLength)
        }
        let mismatch = mismatch(of: body, with: expectation.asked, completeLength: length)
        if let reason = mismatch ?? lengthFlaw(fields, of: body) { return .malformed(reason) }
        let head = AcceptedHead(
            body: body, completeLength: length,
            validator: .from(fields: fields, receivedAt: receivedAt),
            contentType: fields[.contentType])
        if let identity = expectation.identity, let reason = difference(head.identity, identity) {
            return .changed(reason)
        }
        return .partial(head)
    }

    /// What a 206 says that its body is.
    private enum Extent {
        case malformed(Verdict.MalformedReason)
        case range(ByteRange, completeLength: Int64?)
    }

    private static func extent(_ fields: HTTPFields) -> Extent {
        // RFC 9110 section 15.3.7.2: never in answer to a single range.
        if fields.mediaType?.isByteRanges == true { return .malformed(.multipart) }
        let lines = fields[values: .contentRange]
        guard let line = lines.first else { return .malformed(.contentRangeMissing) }
        guard lines.count == 1 else { return .malformed(.contentRangeRepeated) }
        guard case .range(let body, let length)? = ContentRange.parse(line) else {
            return .malformed(.contentRangeInvalid)
        }
        return .range(body, completeLength: length)
    }

    private static func lengthFlaw(
        _ fields: HTTPFields, of body: ByteRange
    ) -> Verdict.MalformedReason? {
        switch contentLength(fields) {
        case .absent: nil
        case .invalid: .contentLengthInvalid
        case .bytes(let bytes): bytes == body.length ? nil : .contentLengthMismatch
        }
    }

    /// A 206 may carry less than was asked (RFC 9110 section 15.3.7), but must begin where it was
    /// asked to, or end there if a suffix was asked, and must not carry more.
    private static func mismatch(
        of body: ByteRange, with asked: AskedRange, completeLength: Int64
    ) -> Verdict.MalformedReason? {
        switch asked {
        case .from(let first, let end):
            if body.lowerBound != first { return .wrongStart }
            return body.upperBound > end ?? .max ? .beyondAsked : nil
        case .suffix(let length):
            if body.upperBound != completeLength { return .wrongEnd }
            return body.length > length ? .beyondAsked : nil
        }
    }

    // MARK: Passed on

    /// Why an answer is not to the request and may not be handed on as it is; nil: it may. Of what the store
    /// asks for besides, a complete length and no content coding, a reader may do without.
    ///
    /// - Parameters:
    ///   - asked: nil: the whole.
    ///   - ifRange: The version that the range was asked of (RFC 9110 section 13.1.5).
    package static func flaw(
        ofPassed status: Int, fields: HTTPFields, asked: AskedRange?, ifRange: String? = nil
    ) -> Verdict.MalformedReason? {
        // A redirect that is none of those that are followed leads a player to the origin, if anywhere.
        if 300..<400 ~= status, status != 304 { return .unexpectedStatus }
        // As in `whole`.
        if status == 200, isUncalledPart(fields) { return .contentRangeOfWhole }
        guard status == 206 else { return nil }
        guard let asked else { return .unexpectedStatus }
        // Players make a weak tag look strong.
        if let wanted = ifRange.flatMap({ EntityTag.parse($0) }),
            let found = fields[.eTag].flatMap({ EntityTag.parse($0) }),
            found.opaque != wanted.opaque
        {
            return .otherVersion
        }
        switch extent(fields) {
        case .malformed(let reason): return reason
        case .range(let body, let length):
            if let flaw = lengthFlaw(fields, of: body) { return flaw }
            // The first of the last bytes are a part of these, too.
            if case .suffix(let count) = asked, let length,
                body.lowerBound == max(0, length - count)
            {
                return nil
            }
            return mismatch(of: body, with: asked, completeLength: length ?? body.upperBound)
        }
    }

    // MARK: 200

    private static func whole(
        _ fields: HTTPFields, _ expectation: FetchExpectation, _ receivedAt: Int64
    ) -> Verdict {
        guard fields.areUncoded else { return .malformed(.contentCoded) }
        if isUncalledPart(fields) { return .malformed(.contentRangeOfWhole) }
        let length: Int64?
        switch contentLength(fields) {
        case .absent: length = nil
        case .invalid: return .malformed(.contentLengthInvalid)
        case .bytes(let bytes): length = bytes
        }
        let validator = Validator.from(fields: fields, receivedAt: receivedAt)
        if let entry = expectation.identity {
            if isMedia(entry.contentType), !isMedia(fields[.contentType]), validator == .absent,
                !isDocument(fields[.contentType])
            {
                return .malformed(.anonymous)
            }
            let response = RepresentationIdentity(
                validator: validator, completeLength: length ?? entry.completeLength,
                contentType: fields[.contentType])
            if let reason = difference(response, entry) { return .changed(reason) }
        }
        guard let length else { return .wholeUnusable(.lengthUnknown) }
        return .whole(
            AcceptedHead(
                body: 0..<length, completeLength: length, validator: validator,
                contentType: fields[.contentType]))
    }

    /// Whether a 200 has the field of a part, which has no meaning there (RFC 9110 section 14.4), and does not
    /// at least say that this part is all.
    private static func isUncalledPart(_ fields: HTTPFields) -> Bool {
        let lines = fields[values: .contentRange]
        guard let line = lines.first else { return false }
        guard lines.count == 1, case .range(let body, let length?)? = ContentRange.parse(line),
            body == 0..<length
        else { return true }
        switch contentLength(fields) {
        case .absent: return false
        case .bytes(let bytes): return bytes != length
        case .invalid: return true
        }
    }

    // MARK: Shared

    /// How a response differs from the entry. The content type comes first: an error or login page
    /// with a 200 is no new version, whatever else it says.
    private static func difference(
        _ response: RepresentationIdentity, _ entry: RepresentationIdentity
    ) -> Verdict.ChangeReason? {
        if isDocument(response.contentType), !isDocument(entry.contentType) { return .contentType }
        if !response.validator.hasSameVersion(as: entry.validator) { return .validator }
        return response.completeLength == entry.completeLength ? nil : .completeLength
    }

    private static func isDocument(_ contentType: String?) -> Bool {
        contentType.flatMap { MediaType($0) }?.isDocument ?? false
    }

    /// No text, as far as the type says, and not left out.
    private static func isMedia(_ contentType: String?) -> Bool {
        contentType.flatMap { MediaType($0) }.map { $0.type != "text" } ?? false
    }

    private enum ContentLength {
        case absent
        case invalid
        case bytes(Int64)
    }

    /// `Content-Length` (RFC 9110 section 8.6). A repeated one is invalid, even if all are equal.
    private static func contentLength(_ fields: HTTPFields) -> ContentLength {
        guard let value = fields[.contentLength] else { return .absent }
        let bytes = FieldSyntax.trimmed(FieldSyntax.bytes(value))
        return FieldSyntax.exactNumber(bytes).map { .bytes($0) } ?? .invalid
    }

    private static func unsatisfiedLength(_ fields: HTTPFields) -> Int64? {
        guard
            case .unsatisfied(let length)? = fields[.contentRange].flatMap({
                ContentRange.parse($0)
            })
        else { return nil }
        return length
    }

    private static func redirect(_ fields: HTTPFields) -> Verdict {
        let lines = fields[values: .location]
        guard lines.count == 1, let location = lines.first, !location.isEmpty else {
            return .malformed(.locationMissing)
        }
        return .redirect(location: location)
    }

    /// Seconds to wait, from a number or a date (RFC 9110 section 10.2.3).
    private static func retryAfter(_ fields: HTTPFields, _ receivedAt: Int64) -> Int64? {
        guard let value = fields[.retryAfter] else { return nil }
        let bytes = FieldSyntax.trimmed(FieldSyntax.bytes(value))
        if let seconds = FieldSyntax.clampedNumber(bytes) {
            return min(seconds, longestRetryAfter)
        }
        guard let date = HTTPDate.parse(value, now: receivedAt) else { return nil }
        let (wait, overflow) = date.subtractingReportingOverflow(receivedAt)
        if overflow { return receivedAt < 0 ? longestRetryAfter : 0 }
        return min(max(wait, 0), longestRetryAfter)
    }
}

/// One way in which an origin misbehaves. Several at once are applied in the order they were set.
package enum Vice: Hashable, Sendable {
    /// Something else than the resource.
    case answers(CannedAnswer)
    /// The connection ends before any byte of an answer.
    case hangsUp(Ending)
    /// 200 and everything, whatever the Range.
    case ignoresRange
    /// 206, well formed, but of at most so many bytes: a server may send a part of what was asked.
    case capsRange(Int64)
    case validator(ValidatorVice)
    case contentRange(ContentRangeVice)
    case head(HeadVice)
    case body(BodyVice)

    /// An empty answer of that status, or one with a text.
    package static func status(_ code: Int, retryAfter: String? = nil, body: String = "") -> Vice {
        let fields = retryAfter.map { [HeaderField("Retry-After", $0)] } ?? []
        return .answers(CannedAnswer(status: code, fields: fields, body: body))
    }

    /// That status to HEAD; GET is answered well.
    package static func refusesHead(_ code: Int) -> Vice {
        .answers(CannedAnswer(status: code, onlyToHead: true))
    }

    package static func redirects(to location: String, code: Int = 302) -> Vice {
        .answers(CannedAnswer(status: code, fields: [HeaderField("Location", location)]))
    }

    /// 200 and a page where the film should be: a login, a captive portal, a soft 404.
    package static var errorPage: Vice {
        .answers(
            CannedAnswer(
                status: 200, contentType: "text/html",
                body: "<!doctype html><title>Sorry</title><p>Please sign in.</p>\n"))
    }
}

/// An answer that has nothing to do with the resource.
package struct CannedAnswer: Hashable, Sendable {
    package var status: Int
    package var fields: [HeaderField] = []
    package var contentType = "text/plain"
    package var body = ""
    package var onlyToHead = false

    package init(
        status: Int, fields: [HeaderField] = [], contentType: String = "text/plain",
        body: String = "", onlyToHead: Bool = false
    ) {
        self.status = status
        self.fields = fields
        self.contentType = contentType
        self.body = body
        self.onlyToHead = onlyToHead
    }
}

/// What is wrong with ETag and Last-Modified.
package enum ValidatorVice: Hashable, Sendable {
    /// Neither.
    case none
    /// Last-Modified only.
    case noEntityTag
    /// ETag only.
    case noLastModified
    case weakEntityTag
    /// Another version of the object after every so many requests: another entity tag, and other
    /// bytes too when `bytes` is true and the content is a ramp. With two `versions` it goes back
    /// and forth, as mirrors do.
    case changing(every: Int, versions: Int = .max, bytes: Bool = false)
    /// What `changing` comes to for one request; 0 is the resource as it was set.
    case version(Int, bytes: Bool)
}

/// What is wrong with Content-Range. The body is the one that the right field would describe.
package enum ContentRangeVice: Hashable, Sendable {
    /// `bytes 0-9/*`.
    case unknownTotal
    /// One too high, the end right.
    case wrongStart
    /// One too high, the start right.
    case wrongEnd
    /// One too high.
    case wrongTotal
    case missing
    /// The right one, and then one that is shifted.
    case twice
    /// Start and end one too high.
    case shifted
    /// `seconds` for `bytes`.
    case otherUnit
    /// This text.
    case literal(String)
}

/// What is wrong with the head otherwise.
package enum HeadVice: Hashable, Sendable {
    /// It comes late; nil is never.
    case delayed(Duration?)
    /// It claims a Content-Encoding that the body does not have.
    case contentCoding(String)
    case contentType(String)
    case noAcceptRanges
    /// A field more; one that is there already is there twice.
    case extra(HeaderField)
    /// Raw bytes before it, such as an interim response.
    case preceded(by: String)
    /// These lines instead of Content-Length; the body is as it would have been, without chunks.
    case framing([String])
    /// So many bytes more than the body has; it does not follow the vices of the body.
    case contentLength(offBy: Int64)
    /// A server of HTTP/1.0, which closes after its answer.
    case oldVersion
    case noDate
    case lowerCase
}

/// What is wrong with the body. Offsets count from its first byte, and one at or beyond its end
/// changes nothing.
package enum BodyVice: Hashable, Sendable {
    /// So many bytes fewer than Content-Length says, then FIN.
    case short(by: Int64)
    /// So many bytes more than Content-Length says: they look like another response. The connection
    /// stays open.
    case long(by: Int64)
    /// FIN after so many bytes.
    case truncated(after: Int64)
    /// RST after so many bytes were handed to the kernel.
    case reset(after: Int64)
    /// A pause after so many bytes; nil is for ever.
    case stalled(after: Int64, Duration?)
    /// So many bytes a second.
    case drip(Int64)
    /// Chunked, without Content-Length. To HTTP/1.0 it is close-delimited.
    case chunked
    /// Neither Content-Length nor chunks: the close is the end (RFC 9112 section 6.3).
    case closeDelimited
}

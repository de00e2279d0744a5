/// The edge that faces the network: one request to an origin, one response with its body as it
/// arrives. It follows redirects and remembers for a while where they led; it decides nothing else.

package import HTTPTypes
package import NIOCore
package import PlatterHTTP

/// One GET to an origin.
package struct OriginRequest: Sendable {
    package let url: OriginURL
    /// Sent as they are, beside those that the origin client sets itself.
    package let fields: HTTPFields
    /// nil asks for the whole.
    package let range: AskedRange?
    /// Whether the head of an answer is what was hoped for. One of where a redirect led before, which is not,
    /// is taken for one that has expired: the URL itself is asked.
    package let isHopedFor: @Sendable (_ status: Int, HTTPFields) -> Bool

    package init(
        url: OriginURL, fields: HTTPFields, range: AskedRange?,
        isHopedFor: @escaping @Sendable (_ status: Int, HTTPFields) -> Bool = { _, _ in true }
    ) {
        self.url = url
        self.fields = fields
        self.range = range
        self.isHopedFor = isHopedFor
    }
}

/// The head of a final response, and its body.
package struct OriginResponse: Sendable {
    package var status: Int
    package var fields: HTTPFields
    /// Must be read to its end, or the task that reads it cancelled: else its connection is lost.
    /// Ends with an error when the origin broke off before the end of its message (RFC 9112 section 8).
    package let body: any AsyncSequence<ByteBuffer, any Error> & Sendable
    /// To be told how the body came.
    package let report: BodyReport

    package init(
        status: Int, fields: HTTPFields, body: any AsyncSequence<ByteBuffer, any Error> & Sendable,
        report: @escaping @Sendable (BodyReport.Ending) -> Void = { _ in }
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.report = BodyReport(report)
    }
}

/// Why there is no response.
package enum OriginError: Error, Hashable, Sendable {
    /// No connection, or it ended before the head of a response.
    case unreachable
    /// Nothing came for too long.
    case timedOut
    /// Redirected to nowhere: too often, in a circle, or to what is no http URL.
    case badRedirect
    /// The certificate of the origin, or of where it redirected to, is not trusted. Nothing was asked of it.
    case badCertificate
    /// What came is no answer: its head cannot be parsed, or its body not be told from what comes after it.
    case invalid
    /// The task was cancelled.
    case cancelled
}

/// A seam: where bytes come from.
package protocol Origin: Sendable {
    /// - Throws: `OriginError` when no final response came.
    func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse
}

package import HTTPTypes
package import NIOCore
package import PlatterCore
package import PlatterHTTP
package import PlatterOrigin

/// The way past the store: bytes from the origin to one reader, kept nowhere. For what must not be
/// stored, and for when the store cannot help (REQUIREMENTS F5).
package struct Bypass: Sendable {
    /// The head of a response, and its body as it arrives.
    package struct Response: Sendable {
        package let status: Int
        package let fields: HTTPFields
        package let body: any AsyncSequence<ByteBuffer, any Error> & Sendable
    }

    /// How much an origin without ranges may send in vain to get to the rest of a response [64 MiB].
    private static let skipLimit: Int64 = 64 << 20

    private let origin: any Origin
    private let wallClock: @Sendable () -> Int64

    package init(origin: any Origin, wallClock: @escaping @Sendable () -> Int64) {
        self.origin = origin
        self.wallClock = wallClock
    }

    /// The origin's own answer.
    ///
    /// - Parameter range: What the client asked for, where that was one range.
    package func response(
        to resource: Resource, range: AskedRange?
    ) async throws(FetchFailure) -> Response {
        do {
            let response = try await origin.fetch(
                OriginRequest(url: resource.url, fields: resource.fields, range: range))
            return Response(
                status: response.status, fields: response.fields, body: response.body)
        } catch {
            throw .unreachable
        }
    }

    /// Bytes of a known version in a response of the origin.
    package struct Rest: Sendable {
        package let response: Response
        /// How much of the body comes before them.
        package let skipping: Int64
        package let length: Int64
    }

    /// Bytes of a version that is known: from the very byte, and of no other version.
    package func rest(
        of opened: Entry.Opened, resource: Resource, range: ByteRange
    ) async throws(FetchFailure) -> Rest {
        let asked = AskedRange.from(range.lowerBound, upTo: range.upperBound)
        let response = try await response(to: resource, range: asked)
        let verdict = ResponseCheck.verdict(
            status: response.status, fields: response.fields,
            expectation: FetchExpectation(asked: asked, identity: opened.identity),
            receivedAt: wallClock())
        switch verdict {
        case .partial(let head), .whole(let head):
            let skipping = range.lowerBound - head.body.lowerBound
            guard skipping <= Self.skipLimit else { throw .bypass }
            let end = min(head.body.upperBound, range.upperBound)
            return Rest(
                response: response, skipping: skipping, length: end - range.lowerBound)
        case .changed, .unsatisfiable: throw .changed
        case .rejected(let status): throw .status(status)
        case .wholeUnusable: throw .bypass
        case .redirect, .retryable, .malformed: throw .unreachable
        }
    }
}

import HTTPTypes
import PlatterCore
import PlatterHTTP

/// One fetch that goes right, for tests to change one thing at a time.
enum Scenario {
    /// Sat, 21 Nov 2026 00:00:00 GMT.
    static let now: Int64 = 1_795_219_200
    static let modified = "Sun, 06 Nov 1994 08:49:37 GMT"

    /// The fields of a right answer to `bytes=1000-1999` of 5,000 bytes, with some replaced.
    static func fields(_ changes: [(HTTPField.Name, [String])] = []) -> HTTPFields {
        var fields: HTTPFields = [
            .contentType: "video/mp4", .contentRange: "bytes 1000-1999/5000",
            .contentLength: "1000", .eTag: "\"v1\"", .lastModified: modified,
            .date: "Sat, 21 Nov 2026 00:00:00 GMT",
        ]
        for (name, values) in changes { fields[values: name] = values }
        return fields
    }

    static let identity = RepresentationIdentity(
        validator: .strong(tag: "\"v1\""), completeLength: 5000, contentType: "video/mp4")

    static func verdict(
        _ status: Int, _ fields: HTTPFields, asked: AskedRange = .from(1000, upTo: 2000),
        identity: RepresentationIdentity? = Scenario.identity, receivedAt: Int64 = now
    ) -> Verdict {
        ResponseCheck.verdict(
            status: status, fields: fields,
            expectation: FetchExpectation(asked: asked, identity: identity), receivedAt: receivedAt)
    }

    static func head(
        _ body: ByteRange, of length: Int64 = 5000, validator: Validator = .strong(tag: "\"v1\""),
        type: String? = "video/mp4"
    ) -> AcceptedHead {
        AcceptedHead(body: body, completeLength: length, validator: validator, contentType: type)
    }
}

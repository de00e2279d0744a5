import Platter
import PlatterTesting
import Testing

@Suite("Refusals that are passed through", .serialized, .timeLimit(.minutes(5)))
struct PassedRefusalTests {
    private static let credentials = ["Authorization: Basic eDp5"]

    private func refused(
        _ status: Int, _ fields: [HeaderField] = [], with credentials: [String] = []
    ) async throws -> RawClient.Head {
        try await Stage.run { stage in
            let page = CannedAnswer(
                status: status, fields: fields, contentType: "text/html", body: "<p>no</p>")
            stage.origin.behave(.answers(page))
            let (head, body) = try await stage.get("bytes=5-9", fields: credentials)
            #expect(head.status == status)
            #expect(head["content-length"] == "0")
            #expect(head["content-type"] == nil)
            #expect(body.isEmpty)
            return head
        }
    }

    @Test("a challenge has its field and no page")
    func challenge() async throws {
        let field = HeaderField("WWW-Authenticate", "Basic realm=\"films\"")
        let head = try await refused(401, [field])
        #expect(head["www-authenticate"] == "Basic realm=\"films\"")
        #expect(
            head["cache-status"] == "Platter; fwd=bypass; fwd-status=401; detail=challenge")
    }

    @Test("a 401 that does not say what to answer is none")
    func noChallenge() async throws {
        let head = try await refused(401)
        #expect(head["cache-status"] == "Platter; fwd=bypass; fwd-status=401")
    }

    @Test(
        "a range that is refused has the length, if the origin says it well",
        arguments: [("bytes */5000000", true), ("bytes */*", false), ("bytes 0-9/10", false)])
    func unsatisfiable(contentRange: String, isKept: Bool) async throws {
        let field = HeaderField("Content-Range", contentRange)
        let head = try await refused(416, [field], with: Self.credentials)
        #expect(head["content-range"] == (isKept ? contentRange : nil))
    }

    @Test("one without it has none, at the start too")
    func unsatisfiableWithoutLength() async throws {
        #expect(try await refused(416)["content-range"] == nil)
        #expect(try await refused(404, with: Self.credentials)["content-range"] == nil)
    }
}

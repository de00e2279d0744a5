import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("What Cache-Status says", .serialized, .timeLimit(.minutes(5)))
struct CacheStatusTests {
    private static let isImpatient: @Sendable (inout PlatterConfiguration) -> Void = {
        $0.timing.head = .seconds(1)
    }

    private func status(
        _ stage: Stage, _ range: String? = "bytes=0-99", fields: [String] = []
    ) async throws -> String? {
        try await stage.get(range, fields: fields).head["cache-status"]
    }

    /// Asks until the trouble is known: until then there may be no answer in time.
    private func expect(_ expected: String, _ stage: Stage) async throws {
        try await stage.until {
            let (head, _) = try await stage.get("bytes=0-99")
            #expect(head.status == 503)
            return head["cache-status"] == expected
        }
    }

    @Test("the first fetch is a miss with the origin's status, then it is there")
    func fromMissToHit() async throws {
        try await Stage.run { stage in
            #expect(try await status(stage) == "Platter; fwd=uri-miss; fwd-status=206; stored")
            // What was fetched is recorded a little later.
            try await stage.until { try await status(stage) == "Platter; hit" }
            #expect(try await status(stage, nil) == "Platter; fwd=partial; stored")
        }
    }

    @Test("an origin without ranges has answered with the whole")
    func whole() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.ignoresRange)
            let said = try await status(stage)
            #expect(said == "Platter; fwd=uri-miss; fwd-status=200; stored")
        }
    }

    @Test("a refusal has the origin's status", arguments: [403, 404, 416])
    func refused(code: Int) async throws {
        try await Stage.run { stage in
            if code != 416 { stage.origin.behave(.status(code)) }
            let status = try await status(stage, code == 416 ? "bytes=9000000-" : nil)
            #expect(status == "Platter; fwd=uri-miss; fwd-status=\(code)")
        }
    }

    @Test("what is not stored says so, and so do credentials")
    func passed() async throws {
        try await Stage.run { stage in
            let secret = ["Authorization: Basic eDp5"]
            let passed = try await status(stage, fields: secret)
            #expect(passed == "Platter; fwd=bypass; fwd-status=206; detail=authorization")
            stage.origin.behave(.validator(.none))
            let notStored = try await status(stage)
            #expect(notStored == "Platter; fwd=bypass; fwd-status=206; detail=not-stored")
        }
    }

    @Test("an origin that cannot be reached, stored or not")
    func unreachable() async throws {
        try await Stage.run(configure: Self.isImpatient) { stage in
            try await stage.origin.stopListening(closing: .reset)
            try await expect("Platter; fwd=uri-miss; detail=origin-unreachable", stage)
            let secret = ["Authorization: Basic eDp5"]
            let passed = try await status(stage, fields: secret)
            #expect(passed == "Platter; fwd=bypass; detail=origin-unreachable")
            try await stage.origin.resumeListening()
            try await stage.until { try await stage.get("bytes=0-99").head.status == 206 }
            try await stage.origin.stopListening(closing: .reset)
            try await stage.until {
                try await status(stage, "bytes=3000000-3000099")
                    == "Platter; fwd=miss; detail=origin-unreachable"
            }
        }
    }

    @Test("an origin that is late")
    func timeout() async throws {
        try await Stage.run(configure: Self.isImpatient) { stage in
            stage.origin.behave(.head(.delayed(nil)))
            try await expect("Platter; fwd=uri-miss; detail=origin-timeout", stage)
        }
    }

    @Test("an origin that answers with a fault", arguments: [500, 503])
    func fault(code: Int) async throws {
        try await Stage.run(configure: Self.isImpatient) { stage in
            stage.origin.behave(.status(code))
            try await expect("Platter; fwd=uri-miss; detail=origin-error", stage)
        }
    }

    @Test(
        "a request that is refused says so too",
        arguments: [
            (
                "POST \(Stage.path) HTTP/1.1\r\nHost: a\r\nContent-Length: 0", 405,
                "method-not-allowed"
            ),
            ("GET film HTTP/1.1\r\nHost: a", 400, "request-malformed"),
            ("GET \(Stage.path) HTTP/1.1", 400, "request-malformed"),
            ("no HTTP at all", 400, "request-malformed"),
            ("GET /_platter/stream/gone/film.mp4 HTTP/1.1\r\nHost: a", 404, "unknown-name"),
        ])
    func refusedRequest(text: String, code: Int, detail: String) async throws {
        try await Stage.run { stage in
            let client = try await RawClient.connect(port: stage.port)
            try await client.send(text + "\r\n\r\n")
            let head = try await client.head()
            #expect(head.status == code)
            #expect(head["cache-status"] == "Platter; detail=\(detail)")
            // After a 400 the server has closed it already.
            try? await client.close()
        }
    }

    @Test("an answer that cannot be used")
    func invalid() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.redirects(to: "ftp://a.example/"))
            let (head, _) = try await stage.get()
            #expect(head.status == 502)
            #expect(head["cache-status"] == "Platter; fwd=uri-miss; detail=origin-invalid")
        }
    }
}

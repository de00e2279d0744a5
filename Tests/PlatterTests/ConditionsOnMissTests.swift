import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("Conditions on what is not known yet", .timeLimit(.minutes(5)))
struct ConditionsOnMissTests {
    /// The range has no byte in the origin's version.
    static let beyond = "bytes=5000000-"

    @Test(
        "a condition comes before a range that has no bytes, on a miss as on a hit",
        arguments: [
            ("If-Range: \"v1\"", 416), ("If-Range: \"v2\"", 200), ("If-Range: W/\"v1\"", 200),
            ("If-None-Match: \"v1\"", 304), ("If-None-Match: \"v2\"", 416),
            ("If-Match: \"v1\"", 416), ("If-Match: \"v2\"", 412),
        ])
    func beforeRange(line: String, status: Int) async throws {
        try await Stage.run { stage in
            for _ in 0..<2 {
                let (head, body) = try await stage.get(Self.beyond, fields: [line])
                #expect(head.status == status)
                if status == 200 { stage.expect(body, are: 0..<5_000_000) }
                if status == 416 { #expect(head["content-range"] == "bytes */5000000") }
            }
            #expect(try await stage.isKnown())
        }
    }

    @Test("without a condition a range that has no bytes costs one request")
    func unconditional() async throws {
        try await Stage.run { stage in
            let (head, _) = try await stage.get(Self.beyond)
            #expect(head.status == 416)
            #expect(stage.origin.ledger.requests == 1)
            #expect(try await !stage.isKnown())
        }
    }

    @Test(
        "the same of an object of none, which only the origin knows",
        arguments: [("\"v1\"", 416), ("\"v2\"", 200)])
    func empty(tag: String, status: Int) async throws {
        try await Stage.run(length: 0) { stage in
            let (head, body) = try await stage.get("bytes=7-", fields: ["If-Range: \(tag)"])
            #expect(head.status == status)
            #expect(body.isEmpty)
        }
    }

    @Test(
        "what is demanded of one that is not stored holds too",
        arguments: [
            ("If-Match: \"v1\"", 206), ("If-Match: \"v2\"", 412), ("If-Match: *", 206),
            ("If-Match: W/\"v1\"", 206),
            ("If-Unmodified-Since: Tue, 14 Nov 2023 22:13:20 GMT", 206),
            ("If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT", 412),
        ])
    func demanded(line: String, status: Int) async throws {
        let field = HeaderField("Cache-Control", "no-store")
        try await Stage.run { stage in
            stage.origin.behave(.head(.extra(field)))
            let (head, body) = try await stage.get("bytes=1000-1999", fields: [line])
            #expect(head.status == status)
            if status == 206 {
                stage.expect(body, are: 1000..<2000)
            } else {
                #expect(body.isEmpty)
                #expect(head["content-length"] == "0")
            }
        }
    }

    @Test("a tag that is ours says nothing of an origin that has none")
    func ours() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.none))
            let (head, body) = try await stage.get("bytes=0-9", fields: ["If-Match: \"ours\""])
            #expect(head.status == 206)
            stage.expect(body, are: 0..<10)
        }
    }

    @Test("and of one that is not stored", arguments: [("\"v1\"", 416), ("\"v2\"", 200)])
    func notStored(tag: String, status: Int) async throws {
        let field = HeaderField("Cache-Control", "no-store")
        try await Stage.run { stage in
            stage.origin.behave(.head(.extra(field)))
            let (head, body) = try await stage.get(Self.beyond, fields: ["If-Range: \(tag)"])
            #expect(head.status == status)
            if status == 200 { stage.expect(body, are: 0..<5_000_000) }
        }
    }
}

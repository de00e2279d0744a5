import Platter
import PlatterTesting
import Testing

@Suite("Weak entity tags")
struct WeakTagTests {
    @Test(
        "what has a weak entity tag and an old date is stored, and has a strong tag of ours from then on"
    )
    func weakTagAndDate() async throws {
        try await Stage.run { stage in
            stage.origin.behave(.validator(.weakEntityTag))
            let (first, body) = try await stage.get("bytes=1000-1999")
            #expect(first.status == 206)
            stage.expect(body, are: 1000..<2000)
            let tag = try #require(first["etag"])
            #expect(tag.hasPrefix("\""))
            #expect(try await stage.platter.status(of: stage.origin.url(Stage.path)) != nil)
            let (again, rest) = try await stage.get(
                "bytes=1500-2999", fields: ["If-Range: \(tag)"])
            #expect(again.status == 206)
            #expect(again["etag"] == tag)
            stage.expect(rest, are: 1500..<3000)
        }
    }
}

import Platter
import PlatterCore
import PlatterTesting
import Testing

@Suite("One origin, or several with names")
struct OriginsTests {
    private static let other = RampContent(length: 100_000, seed: 3)

    /// A second film, reached as a path of the origin and below a name.
    private static func run(_ body: @escaping (Stage) async throws -> Void) async throws {
        try await withScriptedOrigin { library in
            library.serve(
                .ramp(length: other.length, seed: 3, entityTag: "\"v1\""), at: "/library/film.mp4")
            try await Stage.run(configure: {
                $0.namedOrigins = ["music": library.baseURL + "/library"]
            }) { try await body($0) }
        }
    }

    @Test("room is given back in blocks, so a chunk is made of whole ones")
    func chunkLength() {
        var configuration = PlatterConfiguration(directory: "/cache")
        configuration.chunkLength = 3 * (64 << 10)
        #expect(configuration.problems.isEmpty)
        configuration.chunkLength = 100 << 10
        #expect(configuration.problems.count == 1)
    }

    @Test("a path below a name is the named origin's")
    func named() async throws {
        try await Self.run { stage in
            let (head, body) = try await stage.get(path: "/music/film.mp4")
            #expect(head.status == 200)
            stage.expect(body, are: 0..<100_000, of: Self.other)
        }
    }

    @Test("every other path is that of the origin without a name")
    func unnamed() async throws {
        try await Self.run { stage in
            stage.expect(try await stage.get("bytes=0-99").body, are: 0..<100)
            for path in ["/music", "/music?x=/", "/Music/film.mp4", "/music%2Ffilm.mp4"] {
                #expect(try await stage.get(path: path).head.status == 404)
            }
        }
    }

    @Test("a name or URL that cannot be used is told with the remedy")
    func problems() {
        var configuration = PlatterConfiguration(directory: "/tmp/unused")
        configuration.namedOrigins = ["a.b-c_1": "https://media.example"]
        #expect(configuration.problems.isEmpty)
        configuration.namedOrigins = [
            "": "https://a.example", "_platter": "https://b.example", "a/b": "https://c.example",
            "good": "ftp://d.example",
        ]
        #expect(configuration.problems.count == 4)
        #expect(configuration.problems.allSatisfy { $0.hasPrefix("namedOrigins ") })
    }
}

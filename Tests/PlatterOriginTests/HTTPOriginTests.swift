import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import PlatterCore
import PlatterHTTP
import PlatterTesting
import Testing

@testable import PlatterOrigin

@Suite("Fetching over redirects", .timeLimit(.minutes(5)))
struct HTTPOriginTests {
    /// A film that redirects, and a client whose clock is set by hand.
    struct Bench {
        let origin: ScriptedOrigin
        let client: HTTPOrigin
        let now: NIOLockedValueBox<Int64>

        /// - Returns: The status of the final response, and its body.
        func fetch(_ path: String = "/film.mp4") async throws -> (status: Int, body: [UInt8]) {
            let request = OriginRequest(
                url: try OriginURL(origin.url(path)), fields: [:],
                range: .from(100, upTo: 200))
            let response = try await client.fetch(request)
            var body: [UInt8] = []
            for try await buffer in response.body { body += buffer.readableBytesView }
            return (response.status, body)
        }

        /// Expects the film's bytes, however they are come by.
        func expectFilm(_ location: SourceLocation = #_sourceLocation) async throws {
            let (status, body) = try await fetch()
            #expect(status == 206, sourceLocation: location)
            #expect(body.count == 100, sourceLocation: location)
            let mismatch = RampContent(length: 1000).firstMismatch(in: body, at: 100)
            #expect(mismatch == nil, sourceLocation: location)
        }

        /// How often the film was asked for itself.
        var resolutions: Int { origin.ledger.paths["/film.mp4"]?.requests ?? 0 }

        static func run(
            _ rule: SigningRule, _ body: (Bench) async throws -> Void
        ) async throws {
            try await withScriptedOrigin { origin in
                origin.serve(.ramp(length: 1000), at: "/film.mp4")
                origin.sign("/film.mp4", with: rule)
                let now = NIOLockedValueBox<Int64>(1_795_219_200)
                // However busy the machine is: only what is meant to be late is.
                var settings = HTTPOrigin.Settings()
                settings.stallTimeout = nil
                let client = HTTPOrigin(
                    group: MultiThreadedEventLoopGroup.singleton, settings: settings,
                    wallClock: { now.withLockedValue { $0 } })
                do {
                    try await body(Bench(origin: origin, client: client, now: now))
                    await client.shutdown()
                } catch {
                    await client.shutdown()
                    throw error
                }
            }
        }
    }

    @Test("the source is asked once in the time that a redirect is good for")
    func lifetime() async throws {
        var rule = SigningRule()
        rule.query = "?Expires=\(1_795_219_200 + 120)"
        try await Bench.run(rule) { bench in
            for (second, resolutions) in [(0, 1), (0, 1), (119, 1), (120, 2), (121, 2)] {
                bench.now.withLockedValue { $0 = 1_795_219_200 + Int64(second) }
                try await bench.expectFilm()
                #expect(bench.resolutions == resolutions)
            }
        }
    }

    @Test("a target that refuses is asked for anew once for each refusal")
    func refused() async throws {
        try await Bench.run(SigningRule(uses: 2)) { bench in
            for number in 1...7 {
                try await bench.expectFilm()
                #expect(bench.resolutions == (number + 1) / 2)
            }
            #expect(bench.origin.ledger.requests == 7 + 4 + 3)
            #expect(bench.origin.ledger.connectionsAccepted <= 2)
        }
    }

    @Test("while a target does not answer, the next fetch asks the source")
    func late() async throws {
        try await Bench.run(SigningRule()) { bench in
            try await bench.expectFilm()
            bench.origin.behave(.head(.delayed(nil)), at: "/signed/1")
            let first = Task { try await bench.fetch() }
            _ = try await bench.origin.wait { $0.paths["/signed/1"]?.requests == 2 }
            bench.now.withLockedValue { $0 += 2 }
            try await bench.expectFilm()
            #expect(bench.resolutions == 2)
            first.cancel()
            await #expect(throws: OriginError.cancelled) { try await first.value }
            try await bench.expectFilm()
            #expect(bench.resolutions == 2)
        }
    }

    @Test(
        "a target that is given up is asked again only if it had no time to answer",
        arguments: [1, 2])
    func givenUp(seconds: Int64) async throws {
        try await Bench.run(SigningRule()) { bench in
            try await bench.expectFilm()
            bench.origin.behave(.head(.delayed(nil)), at: "/signed/1", times: 1)
            let first = Task { try await bench.fetch() }
            _ = try await bench.origin.wait { $0.paths["/signed/1"]?.requests == 2 }
            bench.now.withLockedValue { $0 += seconds }
            first.cancel()
            await #expect(throws: OriginError.cancelled) { try await first.value }
            try await bench.expectFilm()
            #expect(bench.resolutions == Int(seconds))
        }
    }

    @Test("a refusal that the source confirms is reported, after one more try")
    func forbidden() async throws {
        try await Bench.run(SigningRule(uses: 1)) { bench in
            try await bench.expectFilm()
            bench.origin.sign("/film.mp4", with: SigningRule(uses: 0))
            bench.origin.resetLedger()
            #expect(try await bench.fetch().status == 403)
            // The old target, the film, the new target.
            #expect(bench.origin.ledger.requests == 3)
            #expect(try await bench.fetch().status == 403)
            #expect(bench.origin.ledger.requests == 5)
        }
    }

    @Test("a fault of the target is reported, and the next fetch asks the source")
    func fault() async throws {
        try await Bench.run(SigningRule()) { bench in
            try await bench.expectFilm()
            bench.origin.behave(.status(503), times: 1)
            #expect(try await bench.fetch().status == 503)
            #expect(bench.resolutions == 1)
            try await bench.expectFilm()
            #expect(bench.resolutions == 2)
        }
    }

    @Test("while the source is away, what it said before goes on being used")
    func sourceAway() async throws {
        try await Bench.run(SigningRule()) { bench in
            try await bench.expectFilm()
            bench.now.withLockedValue { $0 += 60 }
            bench.origin.behave(.status(502), at: "/film.mp4")
            #expect(try await bench.fetch().status == 502)
            try await bench.expectFilm()
            #expect(bench.resolutions == 2)
        }
    }

    @Test("a source that serves the film itself again is asked itself")
    func direct() async throws {
        try await Bench.run(SigningRule(uses: 1)) { bench in
            try await bench.expectFilm()
            bench.origin.sign("/film.mp4", with: nil)
            for resolutions in 2...4 {
                try await bench.expectFilm()
                #expect(bench.resolutions == resolutions)
            }
        }
    }

    @Test("a page that a redirect leads to is not remembered")
    func page() async throws {
        try await Bench.run(SigningRule()) { bench in
            bench.origin.behave(.errorPage, at: "/signed/1")
            let status = try await bench.fetch().status
            #expect(status == 200)
            try await bench.expectFilm()
            #expect(bench.resolutions == 2)
        }
    }

    @Test("redirects in a circle, too many and to nowhere are an error, and are not remembered")
    func nowhere() async throws {
        try await Bench.run(SigningRule()) { bench in
            bench.origin.behave(.redirects(to: "/b"), at: "/a")
            bench.origin.behave(.redirects(to: "/a"), at: "/b")
            bench.origin.behave(.redirects(to: "ftp://a.example/"), at: "/c")
            for number in 1...7 {
                bench.origin.behave(.redirects(to: "/\(number + 1)"), at: "/\(number)")
            }
            for path in ["/a", "/c", "/1", "/1"] {
                await #expect(throws: OriginError.badRedirect) { try await bench.fetch(path) }
            }
            #expect(bench.origin.ledger.requests == 2 + 1 + 6 + 6)
        }
    }

    @Test(
        "a redirect that points nowhere, or to two places, is an error",
        arguments: [301, 302, 303, 307, 308])
    func location(status: Int) async throws {
        try await Bench.run(SigningRule()) { bench in
            bench.origin.behave(.status(status), at: "/none")
            bench.origin.behave(.redirects(to: "/film.mp4", code: status), at: "/two")
            bench.origin.behave(.head(.extra(HeaderField("Location", "/a"))), at: "/two")
            for path in ["/none", "/two"] {
                await #expect(throws: OriginError.badRedirect) { try await bench.fetch(path) }
            }
            #expect(bench.origin.ledger.requests == 2)
        }
    }

    @Test(
        "a location is resolved against the URL that sent it",
        arguments: [
            "film.mp4", "./x/../film.mp4", "/film.mp4", "http://HOST/film.mp4", "//HOST/film.mp4",
        ])
    func relative(location: String) async throws {
        try await Bench.run(SigningRule()) { bench in
            bench.origin.sign("/film.mp4", with: nil)
            let host = String(bench.origin.baseURL.dropFirst(7))
            let to = location.split(separator: "HOST", omittingEmptySubsequences: false)
                .joined(separator: host)
            bench.origin.behave(.redirects(to: to), at: "/start")
            let status = try await bench.fetch("/start").status
            #expect(status == 206)
            #expect(bench.origin.ledger.log.last?.path == "/film.mp4")
        }
    }

    @Test(
        "a body in a transfer coding that is not undone is no answer",
        arguments: ["gzip", "chunked, gzip", "gzip, chunked", "x y"])
    func transferCoded(coding: String) async throws {
        try await Bench.run(SigningRule()) { bench in
            try await bench.expectFilm()
            bench.origin.behave(.head(.framing(["Transfer-Encoding: \(coding)"])), at: "/a")
            bench.origin.serve(.ramp(length: 1000), at: "/a")
            await #expect(throws: OriginError.invalid) { try await bench.fetch("/a") }
            // The transfer coding of the chunks alone is.
            bench.origin.behave(.body(.chunked))
            try await bench.expectFilm()
        }
    }
}

import HTTPTypes
import PlatterHTTP
import Testing

@testable import PlatterOrigin

@Suite("Hints where redirects lead")
struct RedirectHintsTests {
    /// Sat, 21 Nov 2026 00:00:00 GMT.
    private static let start: Int64 = 1_795_219_200

    private let start = Self.start
    private let source: RedirectHints.Source
    private let first: RedirectHints.Target
    private let second: RedirectHints.Target

    init() throws {
        source = RedirectHints.Source(
            url: try OriginURL("https://a.example/film"), fields: [.authorization: "Bearer x"])
        first = try Self.target("https://cdn.example/1")
        second = try Self.target("https://cdn.example/2")
    }

    private static func target(_ url: String) throws -> RedirectHints.Target {
        RedirectHints.Target(url: try OriginURL(url), fields: [:])
    }

    @Test("a hint is used for a minute, and then one fetch renews it while the others go on")
    func life() {
        var hints = RedirectHints()
        #expect(hints.target(of: source, now: start) == nil)
        hints.learn(first, of: source, lifetime: nil, now: start)
        #expect(hints.target(of: source, now: start) == first)
        #expect(hints.target(of: source, now: start + 59) == first)
        // The first who comes is to renew it.
        #expect(hints.target(of: source, now: start + 60) == nil)
        #expect(hints.target(of: source, now: start + 60) == first)
        #expect(hints.target(of: source, now: start + 69) == first)
        // It did not: the next one is to.
        #expect(hints.target(of: source, now: start + 70) == nil)
        hints.learn(second, of: source, lifetime: nil, now: start + 71)
        #expect(hints.target(of: source, now: start + 130) == second)
        #expect(hints.target(of: source, now: start + 131) == nil)
    }

    @Test(
        "what the origin says counts from one minute to ten",
        arguments: [
            (nil, 60), (0, 60), (59, 60), (61, 61), (300, 300), (600, 600), (601, 600),
            (Int64.max, 600), (.min, 60),
        ] as [(Int64?, Int64)])
    func lifetime(stated: Int64?, seconds: Int64) {
        var hints = RedirectHints()
        hints.learn(first, of: source, lifetime: stated, now: start)
        #expect(hints.target(of: source, now: start + seconds - 1) == first)
        #expect(hints.target(of: source, now: start + seconds) == nil)
    }

    @Test("with other fields nothing is known")
    func fields() {
        var hints = RedirectHints()
        hints.learn(first, of: source, lifetime: nil, now: start)
        let other = RedirectHints.Source(url: source.url, fields: [.authorization: "Bearer y"])
        #expect(hints.target(of: other, now: start) == nil)
        #expect(hints.count == 1)
    }

    @Test("a target that refuses is dropped, but not one that was found meanwhile")
    func drop() {
        var hints = RedirectHints()
        hints.learn(second, of: source, lifetime: nil, now: start)
        hints.drop(first, of: source)
        #expect(hints.target(of: source, now: start) == second)
        hints.drop(second, of: source)
        #expect(hints.target(of: source, now: start) == nil)
        hints.learn(first, of: source, lifetime: nil, now: start)
        hints.forget(source)
        #expect(hints.count == 0)
    }

    @Test("while a target is late others ask the source, and once it has answered they do not")
    func late() {
        var hints = RedirectHints()
        hints.learn(first, of: source, lifetime: nil, now: start)
        hints.asked(first, of: source, now: start)
        hints.asked(first, of: source, now: start + 1)
        #expect(hints.target(of: source, now: start + 1) == first)
        #expect(hints.target(of: source, now: start + 2) == nil)
        hints.answered(first, of: source, askedAt: start)
        #expect(hints.target(of: source, now: start + 2) == first)
        #expect(hints.target(of: source, now: start + 3) == nil)
        hints.answered(first, of: source, askedAt: start + 1)
        #expect(hints.target(of: source, now: start + 3) == first)
    }

    @Test("a target that was given up late is dropped, unless it was found again meanwhile")
    func givenUp() {
        var hints = RedirectHints()
        hints.learn(first, of: source, lifetime: nil, now: start)
        hints.asked(first, of: source, now: start)
        hints.cancelled(first, of: source, askedAt: start, now: start + 1)
        #expect(hints.target(of: source, now: start + 5) == first)
        hints.asked(first, of: source, now: start + 5)
        hints.learn(first, of: source, lifetime: nil, now: start + 6)
        hints.cancelled(first, of: source, askedAt: start + 5, now: start + 7)
        #expect(hints.target(of: source, now: start + 7) == first)
        hints.asked(first, of: source, now: start + 7)
        hints.cancelled(first, of: source, askedAt: start + 7, now: start + 9)
        #expect(hints.count == 0)
        // What is not known is not asked for.
        hints.asked(first, of: source, now: .max)
        hints.answered(first, of: source, askedAt: .max)
        #expect(hints.count == 0)
    }

    @Test("a clock that is set back ends a hint, and one at its end does not trap")
    func clock() {
        var hints = RedirectHints()
        hints.learn(first, of: source, lifetime: 600, now: start)
        #expect(hints.target(of: source, now: start - 1) == nil)
        hints.learn(first, of: source, lifetime: 600, now: .max)
        #expect(hints.target(of: source, now: .max) == nil)
        #expect(hints.target(of: source, now: .min) == nil)
    }

    @Test("when there are too many, those that are over go first, then the one that ends first")
    func limit() throws {
        var hints = RedirectHints(limit: 2)
        let sources = try (0..<4).map { number in
            RedirectHints.Source(
                url: try OriginURL("https://a.example/\(number)"), fields: [:])
        }
        hints.learn(first, of: sources[0], lifetime: 300, now: start)
        hints.learn(first, of: sources[1], lifetime: 200, now: start)
        hints.learn(first, of: sources[1], lifetime: 200, now: start)
        #expect(hints.count == 2)
        hints.learn(first, of: sources[2], lifetime: 600, now: start)
        #expect(hints.target(of: sources[1], now: start) == nil)
        #expect(hints.target(of: sources[0], now: start) == first)
        hints.learn(first, of: sources[3], lifetime: nil, now: start + 300)
        #expect(hints.count == 2)
        #expect(hints.target(of: sources[0], now: start + 300) == nil)
        #expect(hints.target(of: sources[2], now: start + 300) == first)
        #expect(hints.target(of: sources[3], now: start + 300) == first)
    }

    @Test(
        "every way in which a signature is refused sends back to the source",
        arguments: [301, 302, 307, 400, 401, 403, 404, 405, 410, 412, 416])
    func refused(status: Int) {
        #expect(RedirectHints.trust(status: status, fields: [:]) == .refused)
    }

    @Test("a fault of the target counts, and the next fetch asks the source")
    func fault() {
        for status in [500, 502, 503, 504, 599] {
            #expect(RedirectHints.trust(status: status, fields: [:]) == .drop)
        }
        for status in [408, 425, 429] {
            #expect(RedirectHints.trust(status: status, fields: [:]) == .keep)
        }
    }

    @Test("a page is a refusal, and nothing to remember")
    func page() {
        let page: HTTPFields = [.contentType: "text/html"]
        let film: HTTPFields = [.contentType: "video/mp4"]
        for status in [200, 206] {
            #expect(RedirectHints.trust(status: status, fields: page) == .refused)
            #expect(!RedirectHints.isWorthKeeping(status: status, fields: page))
            #expect(RedirectHints.trust(status: status, fields: film) == .keep)
            #expect(RedirectHints.isWorthKeeping(status: status, fields: film))
        }
        for status in [304, 403, 404, 503] {
            #expect(!RedirectHints.isWorthKeeping(status: status, fields: film))
        }
    }

    @Test(
        "a redirect is good for the less of what it and its target say",
        arguments: [
            ([:], "/film", nil),
            ([.cacheControl: "max-age=120"], "/film", 120),
            ([.cacheControl: "no-store"], "/film", nil),
            ([:], "/film?Expires=\(start + 90)", 90),
            ([.cacheControl: "max-age=120"], "/film?Expires=\(start + 90)", 90),
            ([.cacheControl: "max-age=30"], "/film?Expires=\(start + 90)", 30),
            ([:], "/film?Expires=\(start - 90)", 0),
            ([:], "/film?X-Amz-Date=20261121T000000Z&X-Amz-Expires=300", 300),
        ] as [(HTTPFields, String, Int64?)])
    func stated(fields: HTTPFields, target: String, seconds: Int64?) throws {
        let url = try OriginURL("https://cdn.example\(target)")
        #expect(RedirectHints.lifetime(of: fields, to: url, now: start) == seconds)
        // Whatever the clock says, nothing traps.
        _ = RedirectHints.lifetime(of: fields, to: url, now: .min)
    }
}

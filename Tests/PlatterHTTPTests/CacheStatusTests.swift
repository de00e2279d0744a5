import PlatterHTTP
import Testing

@Suite("Cache-Status")
struct CacheStatusTests {
    @Test("a hit is one word")
    func hit() { #expect(CacheStatus(.hit).member == "Platter; hit") }

    @Test(
        "every reason to forward is written with the word of RFC 9211",
        arguments: [
            (.bypass, "bypass"), (.method, "method"), (.uriMiss, "uri-miss"),
            (.varyMiss, "vary-miss"), (.miss, "miss"), (.request, "request"), (.stale, "stale"),
            (.partial, "partial"),
        ] as [(CacheStatus.ForwardReason, String)])
    func reasons(_ reason: CacheStatus.ForwardReason, _ word: String) {
        #expect(CacheStatus(.forward(reason)).member == "Platter; fwd=\(word)")
        #expect(CacheStatus.Outcome.forward(reason).label == word)
    }

    @Test("no two outcomes have the same label")
    func labels() {
        let outcomes =
            [CacheStatus.Outcome.hit] + CacheStatus.ForwardReason.allCases.map { .forward($0) }
        #expect(Set(outcomes.map(\.label)).count == outcomes.count)
        #expect(CacheStatus.Outcome.hit.label == "hit")
    }

    @Test("all parameters are written in one order")
    func parameters() {
        let status = CacheStatus(
            .forward(.partial), forwardStatus: 206, isStored: true, isCollapsed: true,
            timeToLive: 376, detail: "refetch")
        #expect(
            status.member
                == "Platter; fwd=partial; fwd-status=206; stored; collapsed; ttl=376; "
                + "detail=refetch")
    }

    @Test("a hit has no parameters of a forwarded request")
    func hitParameters() {
        let status = CacheStatus(
            .hit, forwardStatus: 206, isStored: true, isCollapsed: true, timeToLive: -5)
        #expect(status.member == "Platter; hit; ttl=-5")
    }

    @Test(
        "a detail that is no token is a string",
        arguments: [
            ("no-store", "no-store"), ("a b", "\"a b\""), ("", "\"\""), ("5xx", "\"5xx\""),
            ("a\"b\\c", #""a\"b\\c""#), ("a\r\nb", "\"ab\""), ("\u{E9}x", "\"x\""),
        ])
    func detail(_ detail: String, _ written: String) {
        #expect(CacheStatus(.hit, detail: detail).member == "Platter; hit; detail=\(written)")
    }

    @Test("numbers are cut at 15 digits")
    func largeNumbers() {
        #expect(
            CacheStatus(.hit, timeToLive: .max).member == "Platter; hit; ttl=999999999999999")
        #expect(
            CacheStatus(.hit, timeToLive: .min).member == "Platter; hit; ttl=-999999999999999")
    }

    @Test("the member comes after those of caches nearer to the origin")
    func upstream() {
        let status = CacheStatus(.forward(.uriMiss))
        #expect(
            status.fieldValue(after: "Edge; hit, Mid; fwd=stale")
                == "Edge; hit, Mid; fwd=stale, Platter; fwd=uri-miss")
        #expect(status.fieldValue(after: nil) == "Platter; fwd=uri-miss")
        #expect(status.fieldValue(after: "") == "Platter; fwd=uri-miss")
    }
}

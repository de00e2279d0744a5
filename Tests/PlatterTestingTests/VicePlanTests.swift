import PlatterCore
import PlatterTesting
import Testing

@Suite("What an origin with a vice plans")
struct VicePlanTests {
    private func plan(_ vices: Vice..., range: String? = "bytes=10-19") -> ResponsePlan {
        let fields = range.map { [HeaderField("Range", $0)] } ?? []
        return ResponsePlan(
            for: OriginRequest(target: "/a", fields: fields), resource: Film.resource, vices: vices)
    }

    @Test("the ignored range is 200, the whole, and no Accept-Ranges")
    func ignoresRange() {
        let plan = plan(.ignoresRange)
        #expect(plan.status == 200)
        #expect(plan.steps.last == .ramp(Film.ramp, 0..<1000))
        #expect(!plan.head.contains("Accept-Ranges"))
    }

    @Test("a capped range is well formed and shorter")
    func capped() {
        let plan = plan(.capsRange(4))
        #expect(plan.head.contains("\r\nContent-Range: bytes 10-13/1000\r\n"))
        #expect(plan.head.contains("\r\nContent-Length: 4\r\n"))
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<14))
    }

    @Test(
        "a wrong Content-Range is wrong in this way, and the body is right",
        arguments: [
            (ContentRangeVice.unknownTotal, ["bytes 10-19/*"]),
            (.wrongStart, ["bytes 11-19/1000"]),
            (.wrongEnd, ["bytes 10-20/1000"]),
            (.wrongTotal, ["bytes 10-19/1001"]),
            (.missing, []),
            (.twice, ["bytes 10-19/1000", "bytes 11-20/1000"]),
            (.shifted, ["bytes 11-20/1000"]),
            (.otherUnit, ["seconds 10-19/1000"]),
            (.literal("bytes=10-19/1000"), ["bytes=10-19/1000"]),
        ])
    func contentRange(vice: ContentRangeVice, values: [String]) {
        let plan = plan(.contentRange(vice))
        let found = plan.head.split(separator: "\r\n").filter { $0.hasPrefix("Content-Range: ") }
        #expect(found.map { String($0.dropFirst(15)) } == values)
        #expect(plan.status == 206)
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<20))
    }

    @Test("a Content-Range vice leaves an answer without one alone")
    func contentRangeOfWhole() {
        #expect(plan(.contentRange(.unknownTotal), range: nil) == plan(range: nil))
    }

    @Test(
        "validators go missing, weak or on to another version",
        arguments: [
            (ValidatorVice.none, nil, false),
            (.noEntityTag, nil, true),
            (.noLastModified, "\"ramp-1000-0\"", false),
            (.weakEntityTag, "W/\"ramp-1000-0\"", true),
            (.version(0, bytes: true), "\"ramp-1000-0\"", true),
            (.version(3, bytes: false), "\"ramp-1000-0-v3\"", true),
        ])
    func validators(vice: ValidatorVice, tag: String?, isDated: Bool) {
        let head = plan(.validator(vice)).head
        let found = head.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") }
        #expect(found.map { String($0.dropFirst(6)) } == tag)
        #expect(head.contains("Last-Modified") == isDated)
    }

    @Test("another version has other bytes when it should")
    func otherBytes() {
        let plan = plan(.validator(.version(2, bytes: true)))
        #expect(plan.steps.last == .ramp(RampContent(length: 1000, seed: 2), 10..<20))
    }

    @Test("a strong If-Match against a weak tag is 412")
    func weakTag() {
        let asked = Film.request("GET", ("If-Match", "\"ramp-1000-0\""))
        let plan = ResponsePlan(
            for: asked, resource: Film.resource, vices: [.validator(.weakEntityTag)])
        #expect(plan.status == 412)
    }

    @Test("a body cut short keeps its Content-Length and ends the connection")
    func cut() {
        for (vice, ending) in [
            (BodyVice.short(by: 4), Ending.finish), (.truncated(after: 6), .finish),
            (.reset(after: 6), .reset),
        ] {
            let plan = plan(.body(vice))
            #expect(plan.head.contains("\r\nContent-Length: 10\r\n"))
            #expect(plan.steps.last == .ramp(Film.ramp, 10..<16))
            #expect(plan.ending == ending)
        }
    }

    @Test("a cut at or beyond the end changes nothing", arguments: [Int64(10), 11, .max])
    func lateCut(offset: Int64) {
        #expect(plan(.body(.truncated(after: offset))) == plan())
        #expect(plan(.body(.reset(after: offset))) == plan())
        #expect(plan(.body(.stalled(after: offset, nil))) == plan())
    }

    @Test("a stall lies between the bytes before and after it")
    func stall() {
        let steps = plan(.body(.stalled(after: 3, .seconds(9)))).steps
        #expect(
            steps.dropFirst() == [
                .ramp(Film.ramp, 10..<13), .wait(.seconds(9)), .ramp(Film.ramp, 13..<20),
            ])
    }

    @Test("a long body has so many bytes more than its Content-Length, and stays open")
    func long() {
        let plan = plan(.body(.long(by: 50)))
        #expect(plan.head.contains("\r\nContent-Length: 10\r\n"))
        #expect(plan.steps.bodyLength == 60)
        #expect(plan.ending == .keepAlive)
    }

    @Test("chunks carry the body and end with a last-chunk")
    func chunked() {
        let plan = plan(.body(.chunked))
        #expect(
            plan.steps.dropFirst() == [
                .raw("a\r\n"), .ramp(Film.ramp, 10..<20), .raw("\r\n"), .raw("0\r\n\r\n"),
            ])
        #expect(plan.head.contains("\r\nTransfer-Encoding: chunked\r\n"))
        #expect(!plan.head.contains("Content-Length"))
    }

    @Test("a chunked body that was cut has no last-chunk")
    func cutChunks() {
        let plan = plan(.body(.chunked), .body(.truncated(after: 2)))
        #expect(
            plan.steps.dropFirst() == [.raw("2\r\n"), .ramp(Film.ramp, 10..<12), .raw("\r\n")])
        #expect(plan.ending == .finish)
    }

    @Test("a close-delimited body has no length, and the close is its end")
    func closeDelimited() {
        let plan = plan(.body(.closeDelimited))
        #expect(!plan.head.contains("Content-Length"))
        #expect(plan.ending == .finish)
    }

    @Test("a late head comes after the wait")
    func late() {
        let plan = plan(.head(.delayed(.seconds(2))))
        #expect(plan.steps.first == .wait(.seconds(2)))
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<20))
    }

    @Test("a drip slows the whole body down")
    func drip() {
        #expect(plan(.body(.drip(1))).steps.dropFirst() == [.pace(1), .ramp(Film.ramp, 10..<20)])
    }

    @Test("a status comes with Retry-After and its text")
    func status() {
        let plan = plan(.status(503, retryAfter: "3", body: "busy"))
        #expect(plan.status == 503)
        #expect(plan.head.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(plan.head.contains("\r\nRetry-After: 3\r\n"))
        #expect(plan.steps.last == .text("busy"))
    }

    @Test("HEAD alone is refused")
    func refusesHead() {
        let vices = [Vice.refusesHead(403)]
        #expect(
            ResponsePlan(for: Film.request("HEAD"), resource: Film.resource, vices: vices).status
                == 403)
        #expect(
            ResponsePlan(for: Film.request("GET"), resource: Film.resource, vices: vices).status
                == 200)
    }

    @Test("a redirect works where there is no resource")
    func redirect() {
        let plan = ResponsePlan(
            for: Film.request(), resource: nil, vices: [.redirects(to: "/b?sig=1", code: 307)])
        #expect(plan.status == 307)
        #expect(plan.head.contains("\r\nLocation: /b?sig=1\r\n"))
    }

    @Test("the error page is HTML with 200")
    func errorPage() {
        let plan = plan(.errorPage)
        #expect(plan.status == 200)
        #expect(plan.head.contains("\r\nContent-Type: text/html\r\n"))
        #expect(plan.steps.bodyLength > 0)
    }

    @Test("a head claims what the vice says")
    func heads() {
        #expect(
            plan(.head(.contentCoding("gzip"))).head.contains("\r\nContent-Encoding: gzip\r\n"))
        let html = plan(.head(.contentType("text/html"))).head
        #expect(html.contains("\r\nContent-Type: text/html\r\n"))
        #expect(!html.contains("video/mp4"))
        #expect(!plan(.head(.noAcceptRanges)).head.contains("Accept-Ranges"))
    }

    @Test("the framing is what the vice says, and the body stays")
    func framing() {
        let plan = plan(.head(.framing(["Content-Length: x", "Content-Length: 7"])))
        #expect(plan.head.hasSuffix("\r\nContent-Length: x\r\nContent-Length: 7\r\n\r\n"))
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<20))
        let short = self.plan(.head(.contentLength(offBy: -1)))
        #expect(short.head.contains("\r\nContent-Length: 9\r\n"))
        #expect(short.steps.last == .ramp(Film.ramp, 10..<20))
    }

    @Test("a head of an old, an odd or a talkative server")
    func oddHeads() {
        let old = plan(.head(.oldVersion))
        #expect(old.head.hasPrefix("HTTP/1.0 206 Partial Content\r\n"))
        #expect(old.ending == .finish)
        #expect(!plan(.head(.noDate)).head.contains("Date:"))
        let lower = plan(.head(.lowerCase)).head
        #expect(lower.contains("\r\ncontent-range: bytes 10-19/1000\r\n"))
        let early = plan(.head(.preceded(by: "HTTP/1.1 103 Early Hints\r\n\r\n")))
        #expect(early.steps.first == .raw("HTTP/1.1 103 Early Hints\r\n\r\n"))
    }

    @Test("two vices are both there")
    func both() {
        let plan = plan(.validator(.weakEntityTag), .body(.truncated(after: 1)))
        #expect(plan.head.contains("\r\nETag: W/"))
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<11))
    }
}

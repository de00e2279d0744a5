import PlatterCore
import PlatterTesting
import Testing

@Suite("What a healthy origin plans")
struct ResponsePlanTests {
    @Test("a whole answer is this head and the whole content")
    func whole() {
        let plan = ResponsePlan(for: Film.request(), resource: Film.resource, date: 784_111_777)
        let text = """
            HTTP/1.1 200 OK\r
            Date: Sun, 06 Nov 1994 08:49:37 GMT\r
            Content-Type: video/mp4\r
            Accept-Ranges: bytes\r
            ETag: "ramp-1000-0"\r
            Last-Modified: \(Film.date)\r
            Content-Length: 1000\r
            \r

            """
        #expect(plan.steps == [.raw(text), .ramp(Film.ramp, 0..<1000)])
        #expect(plan.status == 200)
        #expect(plan.ending == .keepAlive)
    }

    @Test("a part says which, and how long it is")
    func part() {
        let plan = ResponsePlan(
            for: Film.request("GET", ("Range", "bytes=10-19")), resource: Film.resource)
        #expect(plan.status == 206)
        #expect(plan.head.contains("\r\nContent-Range: bytes 10-19/1000\r\n"))
        #expect(plan.head.contains("\r\nContent-Length: 10\r\n"))
        #expect(plan.steps.last == .ramp(Film.ramp, 10..<20))
    }

    @Test("a range beyond the end is 416 with the length")
    func unsatisfiable() {
        let plan = ResponsePlan(
            for: Film.request("GET", ("Range", "bytes=1000-")), resource: Film.resource)
        #expect(plan.status == 416)
        #expect(plan.head.contains("\r\nContent-Range: bytes */1000\r\n"))
        #expect(plan.steps.bodyLength == 0)
    }

    @Test("HEAD has the head of GET, no body, and no range")
    func headRequest() {
        let get = ResponsePlan(for: Film.request(), resource: Film.resource)
        let plan = ResponsePlan(
            for: Film.request("HEAD", ("Range", "bytes=0-1")), resource: Film.resource)
        #expect(plan.steps == [get.steps[0]])
    }

    @Test("a path without a resource is 404")
    func notFound() {
        #expect(ResponsePlan(for: Film.request(), resource: nil).status == 404)
    }

    @Test("another method is 405 with those allowed")
    func otherMethod() {
        let plan = ResponsePlan(for: Film.request("POST"), resource: Film.resource)
        #expect(plan.status == 405)
        #expect(plan.head.contains("\r\nAllow: GET, HEAD\r\n"))
    }

    @Test(
        "conditions decide as RFC 9110 section 13 says",
        arguments: [
            ("If-None-Match", "\"ramp-1000-0\"", 304),
            ("If-None-Match", "\"x\", W/\"ramp-1000-0\"", 304),
            ("If-None-Match", "*", 304),
            ("If-None-Match", "\"x\"", 206),
            ("If-Modified-Since", Film.date, 304),
            ("If-Modified-Since", "Tue, 14 Nov 2023 22:13:19 GMT", 206),
            ("If-Match", "\"x\"", 412),
            ("If-Match", "\"ramp-1000-0\"", 206),
            ("If-Match", "W/\"ramp-1000-0\"", 412),
            ("If-Range", "\"ramp-1000-0\"", 206),
            ("If-Range", "\"x\"", 200),
            ("If-Range", "W/\"ramp-1000-0\"", 200),
            ("If-Range", Film.date, 206),
            ("If-Range", "Tue, 14 Nov 2023 22:13:19 GMT", 200),
        ])
    func conditions(name: String, value: String, status: Int) {
        let asked = Film.request("GET", ("Range", "bytes=0-9"), (name, value))
        #expect(ResponsePlan(for: asked, resource: Film.resource).status == status)
    }

    @Test("304 has the validators and neither body nor length")
    func notModified() {
        let plan = ResponsePlan(
            for: Film.request("GET", ("If-None-Match", "\"ramp-1000-0\"")), resource: Film.resource)
        #expect(plan.head.contains("\r\nETag: \"ramp-1000-0\"\r\n"))
        #expect(!plan.head.contains("Content-Length"))
        #expect(plan.steps.count == 1)
    }

    @Test("a request that wants the connection closed gets it, and is told")
    func closes() {
        let plan = ResponsePlan(
            for: Film.request("GET", ("Connection", "close")), resource: Film.resource)
        #expect(plan.ending == .finish)
        #expect(plan.head.contains("\r\nConnection: close\r\n"))
    }

    @Test("HTTP/1.0 closes unless asked to stay")
    func oldVersion() {
        var old = Film.request()
        old.isOldVersion = true
        #expect(ResponsePlan(for: old, resource: Film.resource).ending == .finish)
        old.fields = [HeaderField("Connection", "Keep-Alive")]
        #expect(ResponsePlan(for: old, resource: Film.resource).ending == .keepAlive)
    }

    @Test(
        "dates are IMF-fixdate",
        arguments: [
            (Int64(0), "Thu, 01 Jan 1970 00:00:00 GMT"),
            (Int64(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT"),
            (Int64(1_700_000_000), Film.date),
            (Int64(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 GMT"),
            (Int64(253_402_300_799), "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64(-1), "Thu, 01 Jan 1970 00:00:00 GMT"),
        ])
    func dates(seconds: Int64, text: String) {
        #expect(HTTPDate.text(seconds) == text)
    }
}

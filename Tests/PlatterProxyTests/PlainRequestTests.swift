import Testing

@testable import PlatterProxy

@Suite("Requests of which nothing more has to be known")
struct PlainRequestTests {
    private static func parse(_ text: String) -> PlainRequest? {
        var text = text
        return text.withUTF8 { PlainRequest(UnsafeRawBufferPointer($0)) }
    }

    private static func head(_ lines: String...) -> String {
        lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    /// Its first bytes; CRLF is one character.
    private static func start(of text: String, _ length: Int) -> String {
        String(decoding: Array(text.utf8.prefix(length)), as: UTF8.self)
    }

    @Test("have a path, a host and a range that begins somewhere")
    func plain() {
        let closed = Self.parse(Self.head("GET /a HTTP/1.1", "Host: b", "Range: bytes=5-17"))
        #expect(closed?.target == "/a")
        #expect(closed?.range.first == 5)
        #expect(closed?.range.last == 17)
        let open = Self.parse(Self.head("GET /a?b=%20c HTTP/1.1", "RANGE:bytes=0-", "host:b"))
        #expect(open?.target == "/a?b=%20c")
        #expect(open?.range.first == 0)
        #expect(open?.range.last == nil && open != nil)
        let player = Self.parse(
            Self.head(
                "GET /a HTTP/1.1", "User-Agent: Lavf/60", "Accept: */*", "Range: bytes=1-1",
                "Connection: keep-alive", "Host: b:1", "Icy-MetaData: 1"))
        #expect(player?.range.first == 1)
    }

    @Test(
        "are none where anything is not certain",
        arguments: [
            "GET /a HTTP/1.1|Range: bytes=5-17",
            "GET /a HTTP/1.1|Host: b",
            "GET /a HTTP/1.1|Host: b|H|R",
            "GET /a HTTP/1.1|H|R|Range: bytes=5-17",
            "GET /a HTTP/1.1|Host:|Range: bytes=5-17",
            "GET /a HTTP/1.1|Host: b|Range: bytes=-17",
            "GET /a HTTP/1.1|Host: b|Range: bytes=17-5",
            "GET /a HTTP/1.1|Host: b|Range: bytes=5",
            "GET /a HTTP/1.1|H|Range: bytes=5-17,20-",
            "GET /a HTTP/1.1|Host: b|Range: 5-17",
            "GET /a HTTP/1.1|Host: b|Range: Bytes=5-17",
            "GET /a HTTP/1.1|Host: b|Range: bytes=+5-17",
            "GET /a HTTP/1.1|Host: b|Range: bytes=5-1234567890123456789",
            "GET /a HTTP/1.1|H|Range: bytes=5-17 ",
            "GET /a HTTP/1.1|Host: b|Range : bytes=5-17",
            "GET /a HTTP/1.1|Host: b|Range:  bytes=5-17",
            "GET /a HTTP/1.1|Host: b| Range: bytes=5-17",
            "GET /a HTTP/1.1|H|R|If-Range: x",
            "GET /a HTTP/1.1|H|R|If-None-Match: *",
            "GET /a HTTP/1.1|H|R|Authorization: x",
            "GET /a HTTP/1.1|H|R|Content-Length: 0",
            "GET /a HTTP/1.1|H|R|Transfer-Encoding: chunked",
            "GET /a HTTP/1.1|H|R|Connection: close",
            "GET /a HTTP/1.1|H|R|Expect: 100-continue",
            "GET /a HTTP/1.1|H|R|X: y",
            "GET /a HTTP/1.1|H|R|Accept: \u{1}",
            "GET /a HTTP/1.0|H|R",
            "HEAD /a HTTP/1.1|H|R",
            "GET a HTTP/1.1|H|R",
            "GET http://b/a HTTP/1.1|H|R",
            "GET /a b HTTP/1.1|H|R",
            "GET /a#b HTTP/1.1|H|R",
            "GET  /a HTTP/1.1|H|R",
            "get /a HTTP/1.1|H|R",
            "GET /\u{e9} HTTP/1.1|H|R",
        ])
    func uncertain(text: String) {
        let fields = ["H": "Host: b", "R": "Range: bytes=5-17"]
        let lines = text.split(separator: "|").map { (fields[String($0)] ?? String($0)) + "\r\n" }
        #expect(Self.parse(lines.joined() + "\r\n") == nil)
    }

    @Test("are all that has come, with the ends of lines that they ought to have")
    func ends() {
        let good = Self.head("GET /a HTTP/1.1", "Host: b", "Range: bytes=5-17")
        #expect(Self.parse(good) != nil)
        for length in 0..<good.utf8.count {
            #expect(Self.parse(Self.start(of: good, length)) == nil)
        }
        #expect(Self.parse(good + "G") == nil)
        #expect(Self.parse(good + good) == nil)
        #expect(Self.parse("\r\n" + good) == nil)
        #expect(Self.parse(good.replacing("\r\n", with: "\n")) == nil)
        #expect(Self.parse(good.replacing("\r\nHost", with: "\nHost")) == nil)
        let long = String(repeating: "a", count: 9000)
        #expect(
            Self.parse(Self.head("GET /\(long) HTTP/1.1", "Host: b", "Range: bytes=5-17")) == nil)
    }

    private static func pattern(_ text: String) -> PlainPattern? {
        var text = text
        return text.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            return PlainRequest(bytes).map { PlainPattern($0, bytes) }
        }
    }

    private static func range(_ text: String, _ pattern: PlainPattern?) -> PlainRange? {
        var text = text
        return text.withUTF8 { pattern?.range(of: UnsafeRawBufferPointer($0)) }
    }

    @Test("are read again by what is different in them, which is the range alone")
    func pattern() {
        func head(_ range: String, host: String = "b", _ end: String = "") -> String {
            Self.head("GET /a HTTP/1.1", "Host: \(host)", "Range: \(range)", "Accept: */*") + end
        }
        let pattern = Self.pattern(head("bytes=5-17"))
        for range in ["bytes=5-17", "bytes=0-", "bytes=123456789-987654321098", "bytes=7-7"] {
            let text = head(range)
            #expect(Self.range(text, pattern) == Self.parse(text)?.range)
            #expect(Self.range(text, pattern) != nil)
        }
        for text in [
            head("bytes=-5"), head("bytes=5"), head("bytes=7-5"), head("bytes=5-17,20-30"),
            head("bytes="),
            head("bytes=5-17\r\nIf-Range: 1"), head("bytes= 5-17"), head("Bytes=5-17"),
            head("bytes=5-17", host: "c"), head("bytes=5-17", "G"), "",
            Self.start(of: head("bytes=5-17"), 40),
        ] {
            #expect(Self.range(text, pattern) == nil, "\(text)")
        }
        // Before and behind the range must not be one and the same bytes.
        #expect(Self.range(head(""), Self.pattern(head("bytes=0-"))) == nil)
    }
}

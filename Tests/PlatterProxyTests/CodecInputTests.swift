import Testing

@testable import PlatterProxy

@Suite("Whether a codec waits for more of what it was given")
struct CodecInputTests {
    private let head = "GET /a HTTP/1.1\r\nHost: b\r\nX-Content-Length: 5\r\n\r\n"

    private func isIdle(after pieces: String...) -> Bool {
        var input = CodecInput()
        for piece in pieces { Array(piece.utf8).withUnsafeBytes { input.add($0) } }
        return input.isIdle
    }

    @Test("it does not after whole heads")
    func whole() {
        #expect(CodecInput().isIdle)
        #expect(isIdle(after: head))
        #expect(isIdle(after: head + head))
        #expect(isIdle(after: head, head.replacing("GET", with: "HEAD")))
    }

    @Test("it does as long as one has not ended, and not from then on")
    func parts() {
        for length in 1..<head.utf8.count {
            let start = String(decoding: Array(head.utf8.prefix(length)), as: UTF8.self)
            let rest = String(decoding: Array(head.utf8.dropFirst(length)), as: UTF8.self)
            #expect(!isIdle(after: start))
            #expect(!isIdle(after: head, start))
            #expect(isIdle(after: start, rest))
            #expect(isIdle(after: head + start, rest))
            #expect(!isIdle(after: start, rest + "G"))
        }
    }

    @Test(
        "it may, where anything else may follow",
        arguments: [
            "\r\nGET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\n", "PRI * HTTP/2.0\r\n\r\n",
            "POST / HTTP/1.1\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n",
            "GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nTRANSFER-ENCODING: x\r\n\r\n",
            "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", "GET", "GET / HTTP/1.0\r\n\r\n",
            "GET /\r\n\r\n",
        ])
    func open(text: String) {
        #expect(!isIdle(after: text))
        #expect(!isIdle(after: text, head))
    }

    @Test("and what is too long to be looked at tells nothing")
    func long() {
        let half = "GET /" + String(repeating: "a", count: CodecInput.limit / 2)
        #expect(!isIdle(after: half, half, " HTTP/1.1\r\n\r\n"))
        #expect(!isIdle(after: half, half, " HTTP/1.1\r\n\r\n", head))
        #expect(isIdle(after: half, " HTTP/1.1\r\n\r\n", head))
    }
}

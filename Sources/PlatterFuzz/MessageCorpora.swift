/// Whole heads as they come over a connection.
extension Corpus {
    static let requests = Corpus(
        [
            "GET /film.mp4 HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\n\r\n",
            "HEAD / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.0\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: xchunked\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nX: a\r\n b\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}",
            "PRI * HTTP/2.0\r\n\r\n",
            "GET /a?b HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nRange: bytes=1-2\r\n\r\n",
            "GET / HTTP/1.9\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\u{E9} HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nIf-Range: \"x\"\r\nRange: bytes=-1\r\n\r\n",
        ],
        tokens: [
            "\r\n\r\n", "Range: bytes=", "Host: a\r\n", "Content-Length: ", "HTTP/1.1", "chunked",
            "GET ",
            "Transfer-Encoding: chunked\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n",
            "Expect: 100-continue\r\n",
        ])

    static let responses = Corpus(
        [
            "HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789",
            "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Type: video/mp4\r\nContent-Length: 9\r\n\r\n0",
            "HTTP/1.0 200 OK\r\n\r\nx",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 302 Found\r\nLocation: ../x\r\n\r\n",
            "HTTP/1.1 416\r\nContent-Range: bytes */10\r\n\r\n",
            "HTTP/1.1 503 x\r\nRetry-After: 120\r\n\r\n", "HTTP/1.1 999 x\r\n\r\n",
            "HTTP/1.1 000 x\r\n\r\n",
            "HTTP/1.1 206 x\r\nContent-Range: bytes 0-9/10\r\nContent-Range: bytes 0-9/10\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "ICY 200 OK\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        ],
        tokens: [
            "\r\n\r\n", "Content-Range: bytes ", "Content-Length: ", "HTTP/1.1 ", "Retry-After: ",
            "206",
            "Content-Encoding: gzip\r\n", "Cache-Control: no-store\r\n", "bytes */", "chunked\r\n",
        ])
}

import HTTPTypes
import PlatterHTTP
import Testing

@Suite("The fields kept with an entry")
struct StoredFieldsTests {
    private func fields(_ lines: [(String, String)]) throws -> HTTPFields {
        HTTPFields(
            try lines.map {
                HTTPField(name: try #require(HTTPField.Name($0.0)), value: $0.1)
            })
    }

    @Test("what describes the representation is kept, in order and with its spelling")
    func kept() throws {
        let all = try fields([
            ("content-type", "video/mp4"), ("ETag", "\"a\""), ("Last-Modified", "x"),
            ("Cache-Control", "max-age=60"), ("Expires", "0"), ("Date", "y"),
            ("Content-Disposition", "inline"), ("Vary", "Origin"), ("X-Custom", "1"),
            ("X-Custom", "2"), ("Access-Control-Allow-Origin", "*"), ("Repr-Digest", "z"),
        ])
        let selected = StoredFields.select(from: all)
        #expect(Array(selected) == Array(all))
        #expect(selected.map(\.name.rawName) == all.map(\.name.rawName))
    }

    @Test(
        "what belongs to a connection, a user, a message or the origin is dropped",
        arguments: [
            "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding",
            "Upgrade", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Authentication-Info",
            "Set-Cookie", "SET-COOKIE2", "WWW-Authenticate", "Authentication-Info",
            "Content-Length", "Content-Range", "Accept-Ranges", "Age", "Retry-After",
            "Server-Timing", "Content-Digest", "Content-MD5", "Alt-Svc",
            "Strict-Transport-Security", "Public-Key-Pins", "Expect-CT", "Clear-Site-Data", "NEL",
            "Report-To", "Reporting-Endpoints", "Access-Control-Allow-Credentials", "Location",
        ])
    func dropped(_ name: String) throws {
        let selected = StoredFields.select(
            from: try fields([("Content-Type", "video/mp4"), (name, "x"), ("X-A", "1")]))
        #expect(selected.map(\.name.canonicalName) == ["content-type", "x-a"])
    }

    @Test("fields that Connection names on any line are dropped")
    func namedByConnection() throws {
        let selected = StoredFields.select(
            from: try fields([
                ("X-A", "1"), ("x-b", "2"), ("X-C", "3"), ("Connection", "close, X-a"),
                ("Connection", ", X-B ,"),
            ]))
        #expect(selected.map(\.name.canonicalName) == ["x-c"])
    }

    @Test("fields that a qualified private or no-cache names are dropped")
    func namedByCacheControl() throws {
        let selected = StoredFields.select(
            from: try fields([
                ("X-A", "1"), ("X-B", "2"), ("X-C", "3"),
                ("Cache-Control", "private=\"x-a\", no-cache=\"X-B, x-d\""),
            ]))
        #expect(selected.map(\.name.canonicalName) == ["x-c", "cache-control"])
    }

    @Test("permission for one web origin is dropped")
    func oneOrigin() throws {
        let selected = StoredFields.select(
            from: try fields([("Access-Control-Allow-Origin", "https://example.org")]))
        #expect(selected.isEmpty)
    }

    @Test("a value with a control character is dropped")
    func controlCharacter() throws {
        var fields = try fields([("X-A", "1")])
        let name = try #require(HTTPField.Name("X-B"))
        fields.append(HTTPField(name: name, lenientValue: [0x61, 0x01, 0x62]))
        #expect(StoredFields.select(from: fields).map(\.name.canonicalName) == ["x-a"])
    }

    @Test("beyond the limit the fields that describe the content stay, the others as they fit")
    func limit() throws {
        let long = String(repeating: "v", count: 20 << 10)
        let selected = StoredFields.select(
            from: try fields([
                ("X-First", long), ("X-Second", long), ("X-Third", "1"),
                ("Content-Type", "video/mp4"),
            ]))
        #expect(
            selected.map(\.name.canonicalName) == ["x-first", "x-third", "content-type"])
        #expect(StoredFields.serialised(selected).utf8.count <= StoredFields.maximumLength)
    }

    @Test("the limit is exact")
    func exactLimit() throws {
        // "X-A: " and the line feed are 6 bytes.
        let fitting = String(repeating: "v", count: StoredFields.maximumLength - 6)
        #expect(StoredFields.select(from: try fields([("X-A", fitting)])).count == 1)
        #expect(StoredFields.select(from: try fields([("X-A", fitting + "v")])).isEmpty)
    }
}

@Suite("The text of stored fields")
struct StoredFieldsTextTests {
    @Test("one field is one line")
    func lines() {
        #expect(
            StoredFields.serialised([.contentType: "video/mp4", .eTag: "\"a: b\""])
                == "Content-Type: video/mp4\nETag: \"a: b\"\n")
        #expect(StoredFields.serialised([:]) == "")
    }

    @Test(
        "text is read back to the same text",
        arguments: [
            "", "Content-Type: video/mp4\n", "x: \n", "x: a:b: c\n", "X-A: 1\nx-a: 2\nY: 3\n",
            "x: \u{E9}\u{1F3AC}\n", "x: a\tb\n",
        ])
    func roundTrip(_ text: String) throws {
        let fields = try #require(StoredFields.parse(text))
        #expect(StoredFields.serialised(fields) == text)
    }

    @Test(
        "text that was not written by us is refused",
        arguments: [
            "\n", "x", "x\n", "x: a", "x:a\n", ": a\n", "x : a\n", " x: a\n", "x y: a\n",
            "x:  a\n", "x: a \n", "x: a\r\n", "x: a\u{0}\n", "x: a\u{1B}\n", "x: a\u{7F}\n",
            "x: a\n\n", "\nx: a\n", "x: a\ny\n", ":path: a\n", "\u{E9}: a\n", "x: a\n y\n",
        ])
    func refused(_ text: String) { #expect(StoredFields.parse(text) == nil) }

    @Test("text at the limit is read, longer text is refused")
    func limit() {
        let fitting = "x: " + String(repeating: "v", count: StoredFields.maximumLength - 4) + "\n"
        #expect(StoredFields.parse(fitting)?.count == 1)
        #expect(StoredFields.parse("x" + fitting) == nil)
    }

    @Test("random text is refused or read back to itself, and does not trap")
    func fuzz() {
        var random = SeededGenerator(seed: 10)
        let alphabet = Array("ab:: \n\n\r\t\u{1}\u{E9}".utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<10, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let text = "x: " + String(decoding: bytes, as: UTF8.self) + "\n"
            guard let fields = StoredFields.parse(text) else { continue }
            accepted += 1
            #expect(StoredFields.serialised(fields).utf8.elementsEqual(text.utf8))
        }
        #expect(accepted > 0)
    }
}

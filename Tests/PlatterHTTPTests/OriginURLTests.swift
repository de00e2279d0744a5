import Testing

@testable import PlatterHTTP

@Suite("Origin URLs")
struct OriginURLTests {
    @Test(
        "good URLs are normalised in scheme, host and port only",
        arguments: [
            ("http://A.Example", "http://a.example/"),
            (
                "HTTPS://a.example:443/%2e%2E/Film.mp4?Token=A%20b",
                "https://a.example/%2e%2E/Film.mp4?Token=A%20b"
            ),
            ("http://a:8080?x", "http://a:8080/?x"),
            ("http://[::1]:81/a//b#frag", "http://[::1]:81/a//b"),
            ("http://a:/x", "http://a/x"),
            // The fragment ends the authority: what follows is no host.
            ("http://a#@b/", "http://a/"),
        ])
    func good(text: String, normal: String) throws {
        #expect(try OriginURL(text).description == normal)
    }

    @Test(
        "bad URLs are refused with the reason",
        arguments: [
            ("", OriginURL.Flaw.notHTTP), ("ftp://a/", .notHTTP), ("http:/a", .notHTTP),
            ("http:\\\\a", .invalidCharacter), ("http://a b/", .invalidCharacter),
            ("http://a/\u{7F}", .invalidCharacter), ("http://ä/", .invalidCharacter),
            ("http://", .missingHost), ("http:///x", .missingHost), ("http://:80/", .missingHost),
            ("http://user@a/", .userInformation),
            ("http://[::1/", .invalidHost), ("http://a%20b/", .invalidHost),
            ("http://a:0/", .invalidPort), ("http://a:65536/", .invalidPort),
            ("http://a:+1/", .invalidPort), ("http://a:99999999999999999999/", .invalidPort),
            ("http://a/x/../y", .dotSegments), ("http://a/.", .dotSegments),
        ])
    func bad(text: String, flaw: OriginURL.Flaw) {
        #expect(throws: flaw) { _ = try OriginURL(text) }
    }

    @Test(
        "references are resolved as RFC 3986 section 5.4 lists them",
        arguments: [
            ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"), ("//g", "http://g/"), ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"), ("#s", "http://a/b/c/d;p?q"), ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"), ("..", "http://a/b/"), ("../g", "http://a/b/g"),
            ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("/./g", "http://a/g"),
            ("g;x=1/../y", "http://a/b/c/y"), ("http://g/x/../y?z=/../", "http://g/y?z=/../"),
            ("//g/./x/..", "http://g/"), ("http://g/../../x", "http://g/x"),
            ("http://g?/../x", "http://g/?/../x"),
        ])
    func references(reference: String, result: String) throws {
        let base = try OriginURL("http://a/b/c/d;p?q")
        #expect(try base.resolving(reference).description == result)
    }

    @Test("a target is appended below the origin's path")
    func append() throws {
        let base = try OriginURL("https://a.example/media/")
        #expect(try base.appending(target: "/x?y").description == "https://a.example/media/x?y")
        #expect(throws: OriginURL.Flaw.dotSegments) { _ = try base.appending(target: "/../x") }
    }

    @Test("what is logged has no query")
    func redacted() throws {
        let url = try OriginURL("https://a.example/x?token=secret")
        #expect(url.redacted == "https://a.example/x?…")
    }
}

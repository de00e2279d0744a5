import HTTPTypes
import PlatterHTTP
import Testing

@testable import PlatterOrigin

@Suite("Redirects")
struct RedirectTests {
    private let fields: HTTPFields = [
        .authorization: "Bearer secret", .cookie: "a=b", .userAgent: "Player",
    ]

    @Test("fields stay within an origin")
    func same() throws {
        let url = try OriginURL("http://a.example/film?x=1")
        let (next, kept) = try Redirect.follow("/other", from: url, fields: fields)
        #expect(next.description == "http://a.example/other")
        #expect(kept == fields)
    }

    @Test(
        "credentials do not cross to another origin",
        arguments: [
            "http://b.example/", "http://a.example:81/", "//b.example/x", "https://a.example/",
        ])
    func other(location: String) throws {
        let url = try OriginURL("http://a.example/film")
        let (_, kept) = try Redirect.follow(location, from: url, fields: fields)
        #expect(kept == [.userAgent: "Player"])
    }

    @Test("the version that a range is to be of goes along everywhere")
    func version() throws {
        let url = try OriginURL("http://a.example/film")
        let fields: HTTPFields = [.ifRange: "\"v1\"", .authorization: "Bearer secret"]
        let (_, kept) = try Redirect.follow("http://b.example/", from: url, fields: fields)
        #expect(kept == [.ifRange: "\"v1\""])
    }

    @Test(
        "a redirect out of TLS, or to no http URL, is refused",
        arguments: [
            "http://a.example/film", "ftp://a.example/", "javascript:alert(1)", "http://user@b/",
        ])
    func refused(location: String) throws {
        let url = try OriginURL("https://a.example/film")
        #expect(throws: OriginError.badRedirect) {
            _ = try Redirect.follow(location, from: url, fields: fields)
        }
    }

    @Test(
        "a location with spaces or other letters is written as a URL has to be",
        arguments: [
            ("/a b/\u{00E9}?x=\u{4E2D} y", "http://a.example/a%20b/%C3%A9?x=%E4%B8%AD%20y"),
            ("/a%20b?x=%C3%A9", "http://a.example/a%20b?x=%C3%A9"),
            ("http://b.example/\u{00E9}#\u{00E9}", "http://b.example/%C3%A9"),
        ])
    func escaped(location: String, result: String) throws {
        let url = try OriginURL("http://a.example/film")
        #expect(try Redirect.follow(location, from: url, fields: [:]).0.description == result)
    }

    @Test(
        "what no URL can be is refused all the same",
        arguments: [
            "http://\u{00E9}.example/", "http://a b.example/", "/a\\b", "/a\u{7F}", "/a\tb",
        ])
    func unescapable(location: String) throws {
        let url = try OriginURL("http://a.example/film")
        #expect(throws: OriginError.badRedirect) {
            _ = try Redirect.follow(location, from: url, fields: [:])
        }
    }
}

import HTTPTypes
import PlatterHTTP
import Testing

@Suite("Whether a response may be kept")
struct StorabilityTests {
    private func decide(_ fields: HTTPFields, authorization: Bool = false) -> Storability {
        Storability.decide(requestHasAuthorization: authorization, fields: fields)
    }

    @Test("media without any directive is kept")
    func media() {
        #expect(decide([.contentType: "video/mp4"]) == .store)
        #expect(decide([:]) == .store)
        #expect(decide([.contentType: "video/mp4", .setCookie: "a=b"]) == .store)
    }

    @Test(
        "directives decide",
        arguments: [
            ("no-store", .bypass(.noStore)), ("max-age=60, NO-STORE", .bypass(.noStore)),
            ("no-store=\"x\"", .bypass(.noStore)), ("private", .bypass(.private)),
            ("private, max-age=60", .bypass(.private)), ("no-cache", .bypass(.noCache)),
            ("max-age=0", .bypass(.notFresh)), ("public, max-age=0", .bypass(.notFresh)),
            ("s-maxage=0, max-age=60", .bypass(.notFresh)), ("max-age=x", .bypass(.notFresh)),
            ("s-maxage=60, max-age=0", .store), ("max-age=60", .store), ("public", .store),
            ("private=\"set-cookie\"", .store), ("no-cache=\"x-user\", max-age=60", .store),
            ("must-revalidate", .store), ("no-transform", .store),
        ] as [(String, Storability)])
    func directives(_ control: String, _ expected: Storability) {
        #expect(decide([.contentType: "video/mp4", .cacheControl: control]) == expected)
    }

    @Test("a directive on a second line counts")
    func secondLine() {
        var fields: HTTPFields = [.cacheControl: "max-age=60"]
        fields.append(HTTPField(name: .cacheControl, value: "no-store"))
        #expect(decide(fields) == .bypass(.noStore))
    }

    @Test("the answer to an authorised request is kept only with permission to share")
    func authorization() {
        #expect(decide([:], authorization: true) == .bypass(.authorized))
        #expect(
            decide([.cacheControl: "max-age=60"], authorization: true) == .bypass(.authorized))
        for permission in ["public", "s-maxage=60", "must-revalidate"] {
            #expect(decide([.cacheControl: permission], authorization: true) == .store)
        }
    }

    @Test(
        "a response that was selected by request fields is not kept",
        arguments: [
            "*", "Accept-Encoding, *", "Cookie", "User-Agent", "accept-encoding, Accept",
            "Accept Encoding", "Accept-Encoding;q=1",
        ])
    func varies(_ vary: String) { #expect(decide([.vary: vary]) == .bypass(.varies)) }

    @Test(
        "a response that varies on harmless fields is kept",
        arguments: [
            "", "Accept-Encoding", "accept-encoding,ORIGIN", ", Origin ,,",
            "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
        ])
    func harmlessVary(_ vary: String) { #expect(decide([.vary: vary]) == .store) }

    @Test("a coded response is not kept")
    func coded() {
        #expect(decide([.contentEncoding: "gzip"]) == .bypass(.contentCoded))
        #expect(decide([.contentEncoding: "identity"]) == .store)
    }

    @Test(
        "documents and playlists are kept only with a lifetime",
        arguments: [
            ("text/html", .document), ("text/html; charset=utf-8", .document),
            ("application/json", .document), ("application/xml", .document),
            ("text/xml", .document), ("application/problem+json", .document),
            ("application/vnd.apple.mpegurl", .playlist), ("Application/X-mpegURL", .playlist),
            ("audio/mpegurl", .playlist), ("audio/x-mpegurl", .playlist),
            ("application/dash+xml", .playlist),
        ] as [(String, Storability.Reason)])
    func documents(_ type: String, _ reason: Storability.Reason) {
        #expect(decide([.contentType: type]) == .bypass(reason))
        #expect(decide([.contentType: type, .cacheControl: "public"]) == .bypass(reason))
        #expect(decide([.contentType: type, .cacheControl: "max-age=60"]) == .store)
    }

    @Test(
        "types that only resemble documents are media",
        arguments: ["image/svg+xml", "video/html", "text", "text/plain", "application/mp4", ""])
    func notDocuments(_ type: String) { #expect(decide([.contentType: type]) == .store) }

    @Test("every reason is a token for the Cache-Status detail")
    func reasons() { #expect("\(Storability.Reason.contentCoded)" == "content-coding") }
}

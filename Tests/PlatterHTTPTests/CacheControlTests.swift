import PlatterHTTP
import Testing

@Suite("Cache-Control")
struct CacheControlTests {
    @Test("directives are told by name in any letter case, over all lines")
    func names() {
        let control = CacheControl.parse(["Public, MAX-AGE=60", "no-Transform"])
        #expect(control.directives.map(\.name) == ["public", "max-age", "no-transform"])
        #expect(control.contains("no-transform"))
        #expect(!control.contains("no-store"))
    }

    @Test("a quoted argument means the same as a token")
    func quotedArgument() {
        #expect(CacheControl.parse(["max-age=\"60\""]).sharedLifetime == 60)
        #expect(CacheControl.parse(["max-age = 60"]).sharedLifetime == 60)
    }

    @Test("commas, marks and directives inside a quoted string are only text")
    func quotedString() {
        let control = CacheControl.parse([#"ext="a, no-store, \", max-age=1", max-age=60"#])
        #expect(control.directives.map(\.name) == ["ext", "max-age"])
        #expect(control.directives[0].argument == #"a, no-store, ", max-age=1"#)
        #expect(control.sharedLifetime == 60)
    }

    @Test("a mark without a partner swallows nothing")
    func unclosedQuote() {
        #expect(CacheControl.parse([#"ext="a, no-store"#]).contains("no-store"))
        #expect(CacheControl.parse([#"ext="\"\"\", no-store"#]).contains("no-store"))
    }

    @Test(
        "what is malformed hides nothing else",
        arguments: [
            ",, no-store", "=5, no-store", "a b, no-store", "@, no-store", "no-store; private",
            "no-store private", "no-store,", "max-age, no-store", "\"x\", no-store",
        ])
    func tolerance(_ line: String) { #expect(CacheControl.parse([line]).contains("no-store")) }

    @Test("s-maxage is stronger than max-age")
    func sharedFirst() {
        #expect(CacheControl.parse(["max-age=60, s-maxage=5"]).sharedLifetime == 5)
        #expect(CacheControl.parse(["s-maxage=60, max-age=0"]).sharedLifetime == 60)
    }

    @Test("of several lifetimes the least counts")
    func least() {
        #expect(CacheControl.parse(["max-age=60", "max-age=5, max-age=70"]).sharedLifetime == 5)
    }

    @Test(
        "a lifetime that cannot be read is none",
        arguments: [
            "max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=60s", "max-age=6 0",
            "max-age=\"60", "max-age='60'", "max-age=\"\"", "max-age=\u{0661}",
        ])
    func garbageLifetime(_ line: String) { #expect(CacheControl.parse([line]).sharedLifetime == 0) }

    @Test("a lifetime that does not fit is the longest")
    func hugeLifetime() {
        #expect(CacheControl.parse(["max-age=99999999999999999999"]).sharedLifetime == .max)
    }

    @Test("no lifetime is unknown, not zero")
    func noLifetime() {
        #expect(CacheControl.parse([]).sharedLifetime == nil)
        #expect(CacheControl.parse(["public"]).sharedLifetime == nil)
    }

    @Test("a directive with an argument is about the fields that it names")
    func fieldNames() {
        let control = CacheControl.parse([#"private="Set-Cookie, X-User", no-cache"#])
        #expect(control.fieldNames(of: "private") == ["set-cookie", "x-user"])
        #expect(!control.containsUnqualified("private"))
        #expect(control.containsUnqualified("no-cache"))
        #expect(control.fieldNames(of: "no-cache") == [])
    }

    @Test("a field of nothing but quotes and escapes is read in one pass", .timeLimit(.minutes(5)))
    func manyQuotes() {
        let line = "a=\"" + String(repeating: "\\\"", count: 1_000_000) + ", no-store"
        #expect(CacheControl.parse([line]).contains("no-store"))
    }

    @Test("random bytes do not trap")
    func fuzz() {
        var random = SeededGenerator(seed: 9)
        let alphabet = Array("\"\\,,= \tab1max-age".utf8)
        var directives = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let control = CacheControl.parse([String(decoding: bytes, as: UTF8.self)])
            directives += control.directives.count
            #expect(control.sharedLifetime ?? 0 >= 0)
        }
        #expect(directives > 0)
    }
}

import PlatterHTTP
import Testing

@Suite("Entity tags")
struct EntityTagTests {
    @Test("a strong tag keeps its quotes")
    func strong() throws {
        let tag = try #require(EntityTag.parse("\"abc\""))
        #expect(!tag.isWeak)
        #expect(tag.opaque == "\"abc\"")
        #expect(tag.fieldValue == "\"abc\"")
    }

    @Test("a weak tag is marked and its opaque tag has no mark")
    func weak() throws {
        let tag = try #require(EntityTag.parse("W/\"abc\""))
        #expect(tag.isWeak)
        #expect(tag.opaque == "\"abc\"")
        #expect(tag.fieldValue == "W/\"abc\"")
    }

    @Test(
        "every visible character but the quote may stand in a tag",
        arguments: ["\"\"", "\"!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\"", "\"a,b\"", " \"x\"\t"])
    func accepted(_ text: String) { #expect(EntityTag.parse(text) != nil) }

    @Test(
        "anything but one tag is refused",
        arguments: [
            "", "\"", "abc", "\"abc", "abc\"", "'abc'", "w/\"abc\"", "W/abc", "W/", "W\"abc\"",
            "W/ \"abc\"", "\"a\"b\"", "\"a b\"", "\"a\tb\"", "\"a\u{7F}\"", "\"a\u{0}\"",
            "\"\u{E9}\"", "\"a\\\"b\"", "\"a\", \"b\"", "\"a\"\"b\"", "*", "W/W/\"a\"",
        ])
    func refused(_ text: String) { #expect(EntityTag.parse(text) == nil) }

    @Test("a tag of 1,024 bytes is read, a longer one is refused")
    func lengthLimit() {
        let body = String(repeating: "x", count: 1022)
        #expect(EntityTag.parse("\"\(body)\"") != nil)
        #expect(EntityTag.parse("\"\(body)x\"") == nil)
        #expect(EntityTag.parse("W/\"\(body)\"") == nil)
    }

    @Test(
        "comparison follows the table of RFC 9110 section 8.8.3.2",
        arguments: [
            ("W/\"1\"", "W/\"1\"", false, true), ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true), ("\"1\"", "\"1\"", true, true),
            ("\"1\"", "\"2\"", false, false),
        ])
    func comparison(_ one: String, _ other: String, _ strong: Bool, _ weak: Bool) throws {
        let one = try #require(EntityTag.parse(one))
        let other = try #require(EntityTag.parse(other))
        #expect(one.stronglyMatches(other) == strong)
        #expect(other.stronglyMatches(one) == strong)
        #expect(one.weaklyMatches(other) == weak)
        #expect(other.weaklyMatches(one) == weak)
    }
}

@Suite("Lists of entity tags")
struct EntityTagListTests {
    @Test("a star is any representation")
    func star() {
        #expect(EntityTagList.parse(["*"]) == .any)
        #expect(EntityTagList.parse([" * "]) == .any)
    }

    @Test(
        "tags are separated by commas, white space and empty members apart",
        arguments: [
            ["\"a\",W/\"b,c\""], ["\"a\" , W/\"b,c\""], [",\"a\",,\tW/\"b,c\" ,"],
            ["\"a\"", "W/\"b,c\""],
        ])
    func list(_ lines: [String]) throws {
        let tags = try ["\"a\"", "W/\"b,c\""].map { try #require(EntityTag.parse($0)) }
        #expect(EntityTagList.parse(lines) == .tags(tags))
    }

    @Test(
        "a list with anything else in it is refused as a whole",
        arguments: [
            [], [""], [","], ["a"], ["\"a\" \"b\""], ["\"a\"\"b\""], ["\"a\",b"], ["\"a\",\"b"],
            ["*,\"a\""], ["\"a\",*"], ["*", "*"], ["\"a\"x"], ["x\"a\""], ["\"a\";q=1"],
        ])
    func refused(_ lines: [String]) { #expect(EntityTagList.parse(lines) == nil) }

    @Test("a tag is found in a list whether weak or strong")
    func contains() throws {
        let list = try #require(EntityTagList.parse(["\"a\", W/\"b\""]))
        #expect(list.weaklyContains(EntityTag.parse("W/\"a\"")))
        #expect(list.weaklyContains(EntityTag.parse("\"b\"")))
        #expect(!list.weaklyContains(EntityTag.parse("\"c\"")))
        #expect(!list.weaklyContains(nil))
    }

    @Test("a star has even a representation without a tag")
    func starContains() {
        #expect(EntityTagList.any.weaklyContains(nil))
        #expect(EntityTagList.any.weaklyContains(EntityTag.parse("\"x\"")))
    }

    @Test("a very long list of quotes is read in one pass")
    func longList() {
        let quotes = String(repeating: "\"\",", count: 20_000)
        guard case .tags(let tags)? = EntityTagList.parse([quotes]) else {
            Issue.record("the list was not read")
            return
        }
        #expect(tags.count == 20_000)
    }
}

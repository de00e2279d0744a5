import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@Suite("An answer that is handed on as it is")
struct PassedResponseTests {
    private static func flaw(
        _ contentRange: String?, length: String? = nil,
        asked: AskedRange? = .from(1000, upTo: 2000),
        status: Int = 206, changes: [(HTTPField.Name, [String])] = []
    ) -> Verdict.MalformedReason? {
        let range = contentRange.map { [$0] } ?? []
        let lengths = length.map { [$0] } ?? []
        return ResponseCheck.flaw(
            ofPassed: status,
            fields: Scenario.fields(
                [(.contentRange, range), (.contentLength, lengths)] + changes),
            asked: asked)
    }

    @Test("may be a part of what was asked for, without a length, and in a coding")
    func good() {
        #expect(Self.flaw("bytes 1000-1999/5000", length: "1000") == nil)
        #expect(Self.flaw("bytes 1000-1000/5000", length: "1") == nil)
        #expect(Self.flaw("bytes 1000-1999/*") == nil)
        #expect(Self.flaw("bytes 1000-4999/5000", asked: .from(1000, upTo: nil)) == nil)
        #expect(Self.flaw("bytes 1000-1499/1500") == nil)
        let coded: [(HTTPField.Name, [String])] = [(.contentEncoding, ["gzip"])]
        #expect(Self.flaw("bytes 1000-1999/5000", length: "1000", changes: coded) == nil)
    }

    @Test(
        "is none of another version than the range was asked of",
        arguments: [
            ("\"v1\"", "\"v1\"", true), ("\"v1\"", "W/\"v1\"", true), ("W/\"v1\"", "\"v1\"", true),
            ("\"v1\"", "\"v2\"", false), ("W/\"v1\"", "W/\"v2\"", false),
            ("Tue, 14 Nov 2023 22:13:20 GMT", "\"v2\"", true),
        ])
    func version(asked: String, found: String, isGood: Bool) {
        let fields: HTTPFields = [.contentRange: "bytes 1000-1999/5000", .eTag: found]
        let flaw = ResponseCheck.flaw(
            ofPassed: 206, fields: fields, asked: .from(1000, upTo: 2000), ifRange: asked)
        #expect(flaw == (isGood ? nil : .otherVersion))
    }

    @Test("a 200 that says that it is a part is none")
    func partWithWrongStatus() {
        for asked in [nil, AskedRange.from(1000, upTo: 2000)] {
            #expect(
                Self.flaw("bytes 1000-1999/5000", length: "1000", asked: asked, status: 200)
                    == .contentRangeOfWhole)
            let all = Self.flaw("bytes 0-4999/5000", length: "5000", asked: asked, status: 200)
            #expect(all == nil)
        }
    }

    @Test(
        "is none when it is of other bytes, or does not say of which",
        arguments: [
            (nil, .contentRangeMissing), ("seconds 1000-1999/5000", .contentRangeInvalid),
            ("bytes 1999-1000/5000", .contentRangeInvalid),
            ("bytes 1000-1999/1999", .contentRangeInvalid), ("bytes */5000", .contentRangeInvalid),
            ("bytes 0-999/5000", .wrongStart), ("bytes 0-999/*", .wrongStart),
            ("bytes 1001-1999/5000", .wrongStart), ("bytes 1000-2000/5000", .beyondAsked),
            ("bytes 1000-2000/*", .beyondAsked),
        ] as [(String?, Verdict.MalformedReason)])
    func wrong(contentRange: String?, reason: Verdict.MalformedReason) {
        #expect(Self.flaw(contentRange) == reason)
    }

    @Test("is none when its own fields contradict each other")
    func contradiction() {
        let range = "bytes 1000-1999/5000"
        #expect(Self.flaw(range, length: "999") == .contentLengthMismatch)
        #expect(Self.flaw(range, length: "6000") == .contentLengthMismatch)
        #expect(Self.flaw(range, length: "-1") == .contentLengthInvalid)
        #expect(
            Self.flaw(range, changes: [(.contentRange, [range, range])]) == .contentRangeRepeated)
        let parts = [(HTTPField.Name.contentType, ["multipart/byteranges; boundary=x"])]
        #expect(Self.flaw(range, changes: parts) == .multipart)
    }

    @Test("to the last bytes may be the first or the last of these")
    func suffix() {
        let asked = AskedRange.suffix(500)
        #expect(Self.flaw("bytes 4500-4999/5000", asked: asked) == nil)
        #expect(Self.flaw("bytes 4500-4599/5000", asked: asked) == nil)
        #expect(Self.flaw("bytes 4900-4999/5000", asked: asked) == nil)
        #expect(Self.flaw("bytes 4500-4999/*", asked: asked) == nil)
        #expect(Self.flaw("bytes 0-299/300", asked: asked) == nil)
        #expect(Self.flaw("bytes 0-199/300", asked: asked) == nil)
        #expect(Self.flaw("bytes 0-499/5000", asked: asked) == .wrongEnd)
        #expect(Self.flaw("bytes 4499-4998/5000", asked: asked) == .wrongEnd)
        #expect(Self.flaw("bytes 4499-4999/5000", asked: asked) == .beyondAsked)
        #expect(Self.flaw("bytes 0-500/*", asked: asked) == .beyondAsked)
    }

    @Test("is no redirect, whatever was asked for", arguments: [300, 301, 305, 306, 399])
    func redirect(status: Int) {
        for asked in [nil, .suffix(500), .from(1000, upTo: 2000)] as [AskedRange?] {
            #expect(Self.flaw(nil, asked: asked, status: status) == .unexpectedStatus)
        }
    }

    @Test("is no part when the whole was asked for, but may always be the whole")
    func whole() {
        #expect(Self.flaw("bytes 0-4999/5000", asked: nil) == .unexpectedStatus)
        for asked in [nil, .suffix(500), .from(1000, upTo: 2000)] as [AskedRange?] {
            for status in [200, 203, 304, 404, 416] {
                #expect(Self.flaw(nil, asked: asked, status: status) == nil)
            }
        }
    }
}

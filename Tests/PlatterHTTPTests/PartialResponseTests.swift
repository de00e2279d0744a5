import HTTPTypes
import PlatterCore
import PlatterHTTP
import Testing

@Suite("A 206 with one thing changed")
struct PartialResponseTests {
    /// One change to a right answer, and what becomes of it.
    struct Mutation: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let name: HTTPField.Name
        let values: [String]
        let expected: Verdict

        init(_ name: HTTPField.Name, _ values: [String], _ expected: Verdict) {
            self.testDescription = "\(name): \(values)"
            self.name = name
            self.values = values
            self.expected = expected
        }
    }

    @Test("the right answer is accepted, opening the entry or not")
    func right() {
        #expect(Scenario.verdict(206, Scenario.fields()) == .partial(Scenario.head(1000..<2000)))
        #expect(
            Scenario.verdict(206, Scenario.fields(), identity: nil)
                == .partial(Scenario.head(1000..<2000)))
        #expect(Scenario.head(1000..<2000).bodyLength == 1000)
        #expect(Scenario.head(1000..<2000).identity == Scenario.identity)
    }

    static let contentRanges: [Mutation] = [
        Mutation(.contentRange, [], .malformed(.contentRangeMissing)),
        Mutation(
            .contentRange, ["bytes 1000-1999/5000", "bytes 1000-1999/5000"],
            .malformed(.contentRangeRepeated)),
        Mutation(.contentRange, [""], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes=1000-1999/5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["1000-1999/5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["items 1000-1999/5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1999-1000/5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes -1000-1999/5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999/-5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999/1999"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999/0"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999/5e3"], .malformed(.contentRangeInvalid)),
        Mutation(
            .contentRange, ["bytes 1000-1999/99999999999999999999"],
            .malformed(.contentRangeInvalid)),
        Mutation(
            .contentRange, ["bytes 1000-99999999999999999999/*"],
            .malformed(.contentRangeInvalid)),
        Mutation(
            .contentRange, ["bytes 1000-1999/5000, bytes 3000-3999/5000"],
            .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes */5000"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes */*"], .malformed(.contentRangeInvalid)),
        Mutation(.contentRange, ["bytes 1000-1999/*"], .malformed(.completeLengthUnknown)),
        Mutation(.contentRange, ["bytes 999-1998/5000"], .malformed(.wrongStart)),
        Mutation(.contentRange, ["bytes 1001-2000/5000"], .malformed(.wrongStart)),
        Mutation(.contentRange, ["bytes 0-999/5000"], .malformed(.wrongStart)),
        Mutation(.contentRange, ["bytes 0-1999/5000"], .malformed(.wrongStart)),
        Mutation(.contentRange, ["bytes 1000-2000/5000"], .malformed(.beyondAsked)),
        Mutation(.contentRange, ["bytes 1000-4999/5000"], .malformed(.beyondAsked)),
        Mutation(.contentRange, ["bytes 1000-1998/5000"], .malformed(.contentLengthMismatch)),
        Mutation(.contentRange, ["bytes 1000-1999/5001"], .changed(.completeLength)),
        Mutation(.contentRange, ["bytes 1000-1999/2000"], .changed(.completeLength)),
        Mutation(.contentRange, ["BYTES 1000-1999/5000"], .partial(Scenario.head(1000..<2000))),
    ]

    static let others: [Mutation] = [
        Mutation(.contentLength, [], .partial(Scenario.head(1000..<2000))),
        Mutation(.contentLength, ["999"], .malformed(.contentLengthMismatch)),
        Mutation(.contentLength, ["1001"], .malformed(.contentLengthMismatch)),
        Mutation(.contentLength, ["1049576"], .malformed(.contentLengthMismatch)),
        Mutation(.contentLength, ["5000"], .malformed(.contentLengthMismatch)),
        Mutation(.contentLength, ["0"], .malformed(.contentLengthMismatch)),
        Mutation(.contentLength, [""], .malformed(.contentLengthInvalid)),
        Mutation(.contentLength, ["-1000"], .malformed(.contentLengthInvalid)),
        Mutation(.contentLength, ["+1000"], .malformed(.contentLengthInvalid)),
        Mutation(.contentLength, ["1000.0"], .malformed(.contentLengthInvalid)),
        Mutation(.contentLength, ["1000", "1000"], .malformed(.contentLengthInvalid)),
        Mutation(.contentLength, ["99999999999999999999"], .malformed(.contentLengthInvalid)),
        Mutation(.contentEncoding, ["gzip"], .malformed(.contentCoded)),
        Mutation(.contentEncoding, ["identity, br"], .malformed(.contentCoded)),
        Mutation(.contentEncoding, ["identity", "deflate"], .malformed(.contentCoded)),
        Mutation(.contentEncoding, ["Identity"], .partial(Scenario.head(1000..<2000))),
        Mutation(.contentEncoding, [", ,identity"], .partial(Scenario.head(1000..<2000))),
        Mutation(.contentEncoding, [""], .partial(Scenario.head(1000..<2000))),
        Mutation(
            .contentType, ["multipart/byteranges; boundary=x"], .malformed(.multipart)),
        Mutation(.contentType, ["Multipart/ByteRanges"], .malformed(.multipart)),
        Mutation(.contentType, ["text/html; charset=utf-8"], .changed(.contentType)),
        Mutation(.contentType, ["TEXT/HTML"], .changed(.contentType)),
        Mutation(.contentType, ["application/json"], .changed(.contentType)),
        Mutation(.contentType, ["application/problem+json"], .changed(.contentType)),
        Mutation(.contentType, ["application/xml"], .changed(.contentType)),
        Mutation(.contentType, ["application/xhtml+xml"], .changed(.contentType)),
        Mutation(
            .contentType, ["application/octet-stream"],
            .partial(Scenario.head(1000..<2000, type: "application/octet-stream"))),
        Mutation(.contentType, [], .partial(Scenario.head(1000..<2000, type: nil))),
        Mutation(.eTag, ["\"v2\""], .changed(.validator)),
        Mutation(.eTag, ["W/\"v1\""], .changed(.validator)),
        Mutation(.eTag, ["\"V1\""], .changed(.validator)),
        Mutation(.eTag, ["v1"], .changed(.validator)),
        Mutation(.eTag, [], .changed(.validator)),
        Mutation(.eTag, ["\"v1\"", "\"v1\""], .changed(.validator)),
        Mutation(
            .lastModified, ["Mon, 07 Nov 1994 08:49:37 GMT"], .partial(Scenario.head(1000..<2000))),
        Mutation(.date, [], .partial(Scenario.head(1000..<2000))),
        Mutation(.acceptRanges, ["none"], .partial(Scenario.head(1000..<2000))),
    ]

    @Test("one change is judged as the table says", arguments: contentRanges + others)
    func mutation(_ mutation: Mutation) {
        #expect(
            Scenario.verdict(206, Scenario.fields([(mutation.name, mutation.values)]))
                == mutation.expected)
    }

    @Test("a well-formed shorter answer is accepted for what it has")
    func shorter() {
        let short = Scenario.fields([
            (.contentRange, ["bytes 1000-1099/5000"]), (.contentLength, ["100"]),
        ])
        #expect(Scenario.verdict(206, short) == .partial(Scenario.head(1000..<1100)))
    }

    @Test("an end beyond the object may be answered up to its end")
    func endBeyondObject() {
        let last = Scenario.fields([
            (.contentRange, ["bytes 4000-4999/5000"]), (.contentLength, ["1000"]),
        ])
        #expect(
            Scenario.verdict(206, last, asked: .from(4000, upTo: 9000))
                == .partial(Scenario.head(4000..<5000)))
        #expect(
            Scenario.verdict(206, last, asked: .from(4000, upTo: nil))
                == .partial(Scenario.head(4000..<5000)))
    }

    @Test("a fault of the response is told before a difference from the entry")
    func malformedFirst() {
        let both = Scenario.fields([(.eTag, ["\"v2\""]), (.contentLength, ["7"])])
        #expect(Scenario.verdict(206, both) == .malformed(.contentLengthMismatch))
    }

    @Test("a document where media was is told before another validator")
    func documentFirst() {
        let page = Scenario.fields([(.eTag, ["\"v2\""]), (.contentType, ["text/html"])])
        #expect(Scenario.verdict(206, page) == .changed(.contentType))
    }

    @Test("a document stays a document")
    func documentEntry() {
        let page = Scenario.fields([(.contentType, ["text/html"])])
        let entry = RepresentationIdentity(
            validator: .strong(tag: "\"v1\""), completeLength: 5000, contentType: "text/html")
        #expect(
            Scenario.verdict(206, page, identity: entry)
                == .partial(Scenario.head(1000..<2000, type: "text/html")))
    }

    @Test("an entry is opened with whatever validator there is")
    func opening() {
        let both = Scenario.fields([(.eTag, ["W/\"v1\""])])
        #expect(
            Scenario.verdict(206, both, identity: nil)
                == .partial(
                    Scenario.head(
                        1000..<2000,
                        validator: .modifiedWithTag(at: 784_111_777, tag: "\"v1\""))))
        let weak = Scenario.fields([(.eTag, ["W/\"v1\""]), (.lastModified, [])])
        #expect(
            Scenario.verdict(206, weak, identity: nil)
                == .partial(Scenario.head(1000..<2000, validator: .weak(tag: "\"v1\""))))
        let dated = Scenario.fields([(.eTag, [])])
        #expect(
            Scenario.verdict(206, dated, identity: nil)
                == .partial(Scenario.head(1000..<2000, validator: .modified(at: 784_111_777))))
        let bare = Scenario.fields([(.eTag, []), (.lastModified, [])])
        #expect(
            Scenario.verdict(206, bare, identity: nil)
                == .partial(Scenario.head(1000..<2000, validator: .absent)))
    }

    @Test("a date that has grown strong is no change")
    func grownDate() {
        let entry = RepresentationIdentity(
            validator: .weaklyModified(at: 784_111_777), completeLength: 5000,
            contentType: "video/mp4")
        #expect(
            Scenario.verdict(206, Scenario.fields([(.eTag, [])]), identity: entry)
                == .partial(Scenario.head(1000..<2000, validator: .modified(at: 784_111_777))))
    }
}

@Suite("A 206 to a suffix")
struct SuffixResponseTests {
    private func suffix(_ contentRange: String, length: String, asked: Int64) -> Verdict {
        Scenario.verdict(
            206, Scenario.fields([(.contentRange, [contentRange]), (.contentLength, [length])]),
            asked: .suffix(asked))
    }

    @Test("the last bytes are accepted")
    func right() {
        #expect(
            suffix("bytes 4500-4999/5000", length: "500", asked: 500)
                == .partial(Scenario.head(4500..<5000)))
    }

    @Test("a suffix longer than the object is the whole object")
    func longSuffix() {
        #expect(
            suffix("bytes 0-4999/5000", length: "5000", asked: 9000)
                == .partial(Scenario.head(0..<5000)))
    }

    @Test("a shorter suffix that reaches the end is accepted for what it has")
    func shorter() {
        #expect(
            suffix("bytes 4900-4999/5000", length: "100", asked: 500)
                == .partial(Scenario.head(4900..<5000)))
    }

    @Test("an answer that does not reach the end is refused")
    func notToTheEnd() {
        #expect(suffix("bytes 4500-4998/5000", length: "499", asked: 500) == .malformed(.wrongEnd))
        #expect(suffix("bytes 0-499/5000", length: "500", asked: 500) == .malformed(.wrongEnd))
    }

    @Test("an answer of more than was asked is refused")
    func beyond() {
        #expect(
            suffix("bytes 4499-4999/5000", length: "501", asked: 500) == .malformed(.beyondAsked))
    }

    @Test("an unknown complete length is refused")
    func unknownLength() {
        #expect(
            suffix("bytes 4500-4999/*", length: "500", asked: 500)
                == .malformed(.completeLengthUnknown))
    }
}

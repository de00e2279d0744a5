import PlatterHTTP
import Testing

@Suite("Content-Range")
struct ContentRangeTests {
    @Test("a range with its complete length is read as half-open")
    func range() {
        #expect(ContentRange.parse("bytes 0-9/100") == .range(0..<10, completeLength: 100))
        #expect(ContentRange.parse("bytes 99-99/100") == .range(99..<100, completeLength: 100))
    }

    @Test("a star is an unknown complete length")
    func unknownLength() {
        #expect(ContentRange.parse("bytes 5-9/*") == .range(5..<10, completeLength: nil))
    }

    @Test("a star for the range is unsatisfied")
    func unsatisfied() {
        #expect(ContentRange.parse("bytes */100") == .unsatisfied(completeLength: 100))
        #expect(ContentRange.parse("bytes */0") == .unsatisfied(completeLength: 0))
        #expect(ContentRange.parse("bytes */*") == .unsatisfied(completeLength: nil))
    }

    @Test("the unit is read in any letter case and white space around the value is dropped")
    func tolerance() {
        #expect(ContentRange.parse(" BYTES 0-0/1\t") == .range(0..<1, completeLength: 1))
    }

    @Test("the largest range that fits is read")
    func largest() {
        #expect(
            ContentRange.parse("bytes 0-9223372036854775806/9223372036854775807")
                == .range(0..<(.max), completeLength: .max))
    }

    @Test(
        "anything outside the grammar is malformed",
        arguments: [
            "", " ", "bytes", "bytes ", "bytes 0-9", "bytes 0-9/", "bytes /10", "bytes 0/10",
            "bytes -9/10", "bytes 0-/10", "bytes -/10", "0-9/10", "bytes=0-9/10", "bytes: 0-9/10",
            "bytes 9-0/10", "bytes 0-10/10", "bytes 10-10/10", "bytes 0-0/0", "bytes 0-9/-10",
            "bytes -1-9/10", "bytes 0--9/10", "bytes +0-9/10", "bytes 0-9/10a", "bytes 0x0-9/10",
            "bytes  0-9/10", "bytes\t0-9/10", "bytes 0 -9/10", "bytes 0- 9/10", "bytes 0-9 /10",
            "bytes 0-9/ 10", "bytes 0-9/10/10", "bytes 0-9/10, bytes 0-9/10", "bytes 0-9,20-29/100",
            "items 0-9/10", "byte 0-9/10", "bytes **/10", "bytes */", "bytes */-1", "bytes 0-*/10",
            "bytes 0-9/9223372036854775808", "bytes 0-9223372036854775807/*",
            "bytes 18446744073709551616-18446744073709551617/*", "bytes 0-9/\u{0661}",
            "bytes 0-9/10\r\n", "by/tes 0-9",
        ])
    func malformed(_ text: String) { #expect(ContentRange.parse(text) == nil) }

    @Test("a 206 names the last byte and the complete length")
    func formatRange() {
        #expect(
            ContentRange.range(500..<1000, completeLength: 1234).fieldValue
                == "bytes 500-999/1234")
    }

    @Test("a 416 names only the complete length")
    func formatUnsatisfied() {
        #expect(ContentRange.unsatisfied(completeLength: 0).fieldValue == "bytes */0")
    }

    @Test("an empty range is written as unsatisfied, since it has no form")
    func formatEmpty() {
        #expect(ContentRange.range(5..<5, completeLength: 9).fieldValue == "bytes */9")
        #expect(ContentRange.range(0..<0, completeLength: 0).fieldValue == "bytes */0")
    }

    @Test("what is written is read back, for every small range and length")
    func roundTrip() {
        for length in Int64(1)..<10 {
            for first in 0..<length {
                for end in (first + 1)...length {
                    let written = ContentRange.range(first..<end, completeLength: length)
                    #expect(ContentRange.parse(written.fieldValue) == written)
                }
            }
            let unsatisfied = ContentRange.unsatisfied(completeLength: length)
            #expect(ContentRange.parse(unsatisfied.fieldValue) == unsatisfied)
        }
    }

    @Test("random strings do not trap")
    func fuzz() {
        var random = SeededGenerator(seed: 5)
        let alphabet = Array("0123456789-/* ,bytes".utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<30, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let parsed = ContentRange.parse("bytes " + String(decoding: bytes, as: UTF8.self))
            guard case .range(let range, let length)? = parsed else { continue }
            accepted += 1
            #expect(!range.isEmpty)
            #expect(range.upperBound <= length ?? .max)
        }
        #expect(accepted > 0)
    }
}

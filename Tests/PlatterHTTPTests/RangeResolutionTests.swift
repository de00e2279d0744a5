import PlatterCore
import PlatterHTTP
import Testing

@Suite("Applying a Range field to a length")
struct RangeResolutionTests {
    private func resolve(_ line: String, _ length: Int64) -> RangeResolution {
        RangeField.parse([line]).resolve(completeLength: length)
    }

    @Test("no range and an ignored one are the whole")
    func whole() {
        #expect(RangeField.absent.resolve(completeLength: 10) == .whole)
        #expect(RangeField.ignored(.malformed).resolve(completeLength: 10) == .whole)
        #expect(RangeField.ignored(.malformed).resolve(completeLength: 0) == .whole)
    }

    @Test("a last byte beyond the end is cut")
    func lastBeyond() {
        #expect(resolve("bytes=3-10", 10) == .single(3..<10))
        #expect(resolve("bytes=3-9223372036854775807", 10) == .single(3..<10))
    }

    @Test("an open range runs to the end")
    func open() {
        #expect(resolve("bytes=3-", 10) == .single(3..<10))
        #expect(resolve("bytes=9-", 10) == .single(9..<10))
        #expect(resolve("bytes=10-", 10) == .unsatisfiable)
    }

    @Test("a suffix longer than the object is the whole object")
    func longSuffix() {
        #expect(resolve("bytes=-11", 10) == .single(0..<10))
        #expect(resolve("bytes=-9223372036854775808", 10) == .single(0..<10))
    }

    @Test("an empty suffix is unsatisfiable")
    func emptySuffix() { #expect(resolve("bytes=-0", 10) == .unsatisfiable) }

    @Test("a first byte that does not fit is unsatisfiable even in the largest object")
    func hugeFirst() {
        #expect(resolve("bytes=9223372036854775808-", .max) == .unsatisfiable)
        #expect(resolve("bytes=9223372036854775806-", .max) == .single((.max - 1)..<(.max)))
    }

    @Test("of an empty object a bounded range is unsatisfiable and a suffix is the whole")
    func emptyObject() {
        #expect(resolve("bytes=0-", 0) == .unsatisfiable)
        #expect(resolve("bytes=0-0", 0) == .unsatisfiable)
        #expect(resolve("bytes=-0", 0) == .unsatisfiable)
        #expect(resolve("bytes=-5", 0) == .whole)
        #expect(resolve("bytes=0-,-5", 0) == .whole)
    }

    @Test("a negative length counts as an empty object", arguments: [Int64.min, -1])
    func negativeLength(_ length: Int64) {
        #expect(resolve("bytes=0-", length) == .unsatisfiable)
        #expect(resolve("bytes=-5", length) == .whole)
    }

    @Test("one range asked never becomes several")
    func oneRangeIsNeverMultiple() {
        for length in Int64(0)..<14 {
            for spec in ["0-0", "3-", "-4", "0-13", "5-5,"] {
                if case .multiple = resolve("bytes=" + spec, length) { Issue.record("\(spec)") }
            }
        }
    }

    @Test("disjoint ranges keep the order in which they were asked")
    func order() {
        #expect(resolve("bytes=8-9,0-1,4-5", 10) == .multiple([8..<10, 0..<2, 4..<6]))
    }

    @Test("ranges beyond the end are left out, and the last one left is served alone")
    func someUnsatisfiable() {
        #expect(resolve("bytes=0-1,4-5,20-30", 10) == .multiple([0..<2, 4..<6]))
        #expect(resolve("bytes=20-30,4-5", 10) == .single(4..<6))
        #expect(resolve("bytes=20-30,40-50,-0", 10) == .unsatisfiable)
    }

    @Test("ranges that overlap or touch are joined at the place of the first")
    func joined() {
        #expect(resolve("bytes=0-4,3-6", 10) == .single(0..<7))
        #expect(resolve("bytes=5-6,0-4", 10) == .single(0..<7))
        #expect(resolve("bytes=12-13,0-1,13-14,6-7", 20) == .multiple([12..<15, 0..<2, 6..<8]))
    }

    @Test("8 parts are served, 9 are answered with the whole")
    func partLimit() {
        let eight = (0..<8).map { "\($0 * 10)-\($0 * 10 + 1)" }.joined(separator: ",")
        let expected = (0..<8).map { Int64($0 * 10)..<Int64($0 * 10 + 2) }
        #expect(resolve("bytes=" + eight, 100) == .multiple(expected))
        #expect(resolve("bytes=" + eight + ",90-91", 100) == .whole)
    }

    @Test("more bytes asked than there are is answered with the whole")
    func moreThanThereIs() {
        #expect(resolve("bytes=0-5,0-5,8-9", 14) == .multiple([0..<6, 8..<10]))
        #expect(resolve("bytes=0-5,0-5,8-9", 13) == .whole)
    }

    @Test("the sum of huge ranges does not trap")
    func hugeSum() {
        let line = "bytes=0-9223372036854775800,9223372036854775803-,0-9223372036854775800"
        #expect(resolve(line, .max) == .whole)
    }
}

@Suite("Ranges against an independent reading")
struct RangeOracleTests {
    private func agree(_ text: String, _ length: Int) -> Bool {
        RangeField.parse([text]).resolve(completeLength: Int64(length))
            == RangeOracle.resolve(text, completeLength: length)
    }

    @Test("every closed range of every small length agrees")
    func closed() {
        for length in 0..<14 {
            for first in 0..<14 {
                for last in 0..<14 {
                    #expect(agree("bytes=\(first)-\(last)", length))
                }
            }
        }
    }

    @Test("every open and suffix range of every small length agrees")
    func openAndSuffix() {
        for length in 0..<14 {
            for number in 0..<16 {
                #expect(agree("bytes=\(number)-", length))
                #expect(agree("bytes=-\(number)", length))
            }
        }
    }

    @Test("every pair of short ranges agrees")
    func pairs() {
        let specs =
            (0..<5).flatMap { first in (first..<6).map { "\(first)-\($0)" } }
            + ["0-", "2-", "5-", "-0", "-1", "-3"]
        for length in 0..<6 {
            for one in specs {
                for other in specs {
                    #expect(agree("bytes=\(one),\(other)", length))
                }
            }
        }
    }

    @Test("40,000 sets in nearly right grammar agree", arguments: [UInt64(1), 2])
    func grammarFuzz(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var outcomes: Set<String> = []
        for _ in 0..<20_000 {
            let text = nearlyRight(&random)
            let length = Int.random(in: 0..<40, using: &random)
            guard agree(text, length) else {
                Issue.record("seed \(seed): \(text.debugDescription) of \(length)")
                return
            }
            outcomes.insert(kind(RangeOracle.resolve(text, completeLength: length)))
        }
        // A fuzz that only ever saw one answer would prove nothing.
        #expect(outcomes == ["whole", "single", "multiple", "unsatisfiable"])
    }

    @Test("60,000 random byte strings agree and do not trap", arguments: [UInt64(3), 4])
    func byteFuzz(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("bytesB=0123456789--,, \t\r\n;x\"\u{E9}".utf8)
        for round in 0..<30_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                round % 2 == 0
                    ? UInt8.random(in: 0...255, using: &random)
                    : alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            let prefix = round % 3 == 0 ? "" : "bytes="
            let text = prefix + String(decoding: bytes, as: UTF8.self)
            let length = Int.random(in: 0..<40, using: &random)
            guard agree(text, length) else {
                Issue.record("seed \(seed): \(text.debugDescription) of \(length)")
                return
            }
        }
    }

    private func kind(_ resolution: RangeResolution) -> String {
        switch resolution {
        case .whole: "whole"
        case .single: "single"
        case .multiple: "multiple"
        case .unsatisfiable: "unsatisfiable"
        }
    }

    private func nearlyRight(_ random: inout SeededGenerator) -> String {
        let separators = [",", ",", ", ", " ,", ",,", "\t,\t", ", ,"]
        var text = "bytes="
        for member in 0..<Int.random(in: 1..<12, using: &random) {
            if member > 0 { text += separators[Int.random(in: 0..<7, using: &random)] }
            let first = Int.random(in: 0..<45, using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0: text += "\(first)-"
            case 1: text += "-\(first)"
            case 2: text += "\(first)-" + String(repeating: "9", count: first)
            case 3: text += String(repeating: "1", count: first) + "-"
            default: text += "\(first)-\(first + Int.random(in: 0..<4, using: &random))"
            }
        }
        if Int.random(in: 0..<4, using: &random) == 0 {
            var bytes = Array(text.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                Array("-,= 05x".utf8)[Int.random(in: 0..<7, using: &random)]
            text = String(decoding: bytes, as: UTF8.self)
        }
        return text
    }
}

import PlatterHTTP
import Testing

@Suite("Reading a Range field")
struct RangeFieldTests {
    @Test("no line is absent")
    func absent() { #expect(RangeField.parse([]) == .absent) }

    @Test("a closed, an open and a suffix range are told apart")
    func forms() {
        #expect(RangeField.parse(["bytes=2-5"]) == .set([.bounded(first: 2, last: 5)]))
        #expect(RangeField.parse(["bytes=2-"]) == .set([.bounded(first: 2, last: nil)]))
        #expect(RangeField.parse(["bytes=-5"]) == .set([.suffix(5)]))
    }

    @Test(
        "the unit is read in any letter case", arguments: ["Bytes=0-1", "BYTES=0-1", "bYtEs=0-1"])
    func unitCase(_ line: String) {
        #expect(RangeField.parse([line]) == .set([.bounded(first: 0, last: 1)]))
    }

    @Test(
        "an unknown unit is ignored",
        arguments: ["items=0-1", "byte=0-1", "bytess=0-1", "none=", "seconds=-5"])
    func unknownUnit(_ line: String) {
        #expect(RangeField.parse([line]) == .ignored(.unknownUnit))
    }

    @Test(
        "an invalid set is ignored as a whole",
        arguments: [
            "", " ", "bytes", "bytes=", "bytes= ", "bytes=,", "bytes= , ,", "bytes=a", "bytes=-",
            "bytes=5-2", "bytes=1-2-3", "bytes=--1", "bytes=1--2", "bytes=1.5-2", "bytes=0x0-1",
            "bytes=+1-2", "bytes=1-+2", "bytes=\u{0661}-\u{0662}", "bytes=\u{FF11}-2",
            "bytes=0 -1", "bytes=0- 1", "bytes=0-1 2-3", "bytes=0-1;2-3", "bytes =0-1", "=0-1",
            "by tes=0-1", "bytes=0-1,a", "bytes=0-1,5-2", "bytes=0-1\r\n", "bytes=0-1\u{0}",
            "bytes=\u{0B}0-1", "bytes=\u{A0}0-1", "bytes:0-1", "0-1", "bytes==0-1", "bytes=*",
        ])
    func malformed(_ line: String) {
        #expect(RangeField.parse([line]) == .ignored(.malformed))
    }

    @Test(
        "white space and empty members around commas are allowed",
        arguments: [
            "bytes=0-1,2-3", "bytes= 0-1 , ,2-3", "bytes=,0-1,,2-3,", "bytes=\t0-1\t,\t2-3\t",
            "  bytes=0-1,2-3  ",
        ])
    func listSyntax(_ line: String) {
        let expected: [RangeSpec] = [.bounded(first: 0, last: 1), .bounded(first: 2, last: 3)]
        #expect(RangeField.parse([line]) == .set(expected))
    }

    @Test("two lines are ignored, even when they are equal")
    func severalLines() {
        #expect(RangeField.parse(["bytes=0-1", "bytes=2-3"]) == .ignored(.severalLines))
        #expect(RangeField.parse(["bytes=0-1", "bytes=0-1"]) == .ignored(.severalLines))
    }

    @Test("leading zeros do not change a number")
    func leadingZeros() {
        let zeros = String(repeating: "0", count: 200)
        #expect(
            RangeField.parse(["bytes=\(zeros)7-\(zeros)9"])
                == .set([.bounded(first: 7, last: 9)]))
    }

    @Test(
        "a number that does not fit is the largest one",
        arguments: [
            "9223372036854775807", "9223372036854775808", "18446744073709551615",
            "18446744073709551616", "10000000000000000000",
            "1" + String(repeating: "0", count: 40),
        ])
    func overflow(_ number: String) {
        #expect(
            RangeField.parse(["bytes=\(number)-"]) == .set([.bounded(first: .max, last: nil)]))
        #expect(RangeField.parse(["bytes=3-\(number)"]) == .set([.bounded(first: 3, last: .max)]))
        #expect(RangeField.parse(["bytes=-\(number)"]) == .set([.suffix(.max)]))
    }

    @Test("64 members are read, 65 are ignored")
    func memberLimit() {
        let most = Array(repeating: "0-1", count: 64).joined(separator: ",")
        guard case .set(let specs) = RangeField.parse(["bytes=" + most]) else {
            Issue.record("64 members were not read")
            return
        }
        #expect(specs.count == 64)
        #expect(RangeField.parse(["bytes=" + most + ",0-1"]) == .ignored(.tooManyRanges))
    }

    @Test("a field of many members is ignored without being read")
    func manyMembers() {
        let many = "bytes=" + String(repeating: "0-,", count: 27_000)
        #expect(RangeField.parse([many]) == .ignored(.tooManyRanges))
    }

    @Test("every reason reads as text")
    func reasons() {
        #expect("\(RangeField.Reason.unknownUnit)" == "unknown range unit")
    }

    @Test("a cold request asks the origin from the client's first byte")
    func firstFetchOfOneRange() {
        #expect(RangeField.parse(["bytes=7-9"]).firstFetch == .from(7, upTo: 10))
        #expect(RangeField.parse(["bytes=7-"]).firstFetch == .from(7, upTo: nil))
        #expect(RangeField.parse(["bytes=-9"]).firstFetch == .suffix(9))
    }

    @Test(
        "a cold request begins at 0 without a range to go by",
        arguments: [
            [], ["items=5-"], ["bytes=x"], ["bytes=5-6", "bytes=5-6"], ["bytes=5-6,8-9"],
            ["bytes=-5,-6"], ["bytes=-0"],
        ])
    func firstFetchFromZero(_ lines: [String]) {
        #expect(RangeField.parse(lines).firstFetch == .from(0, upTo: nil))
    }
}

@Suite("Writing a Range field")
struct AskedRangeTests {
    @Test("an end is written as the last byte")
    func bounded() { #expect(AskedRange.from(10, upTo: 20).fieldValue == "bytes=10-19") }

    @Test("no end is written as an open range")
    func open() { #expect(AskedRange.from(0, upTo: nil).fieldValue == "bytes=0-") }

    @Test("a suffix is written as its length")
    func suffix() { #expect(AskedRange.suffix(500).fieldValue == "bytes=-500") }

    @Test("an end at or before the start asks for one byte", arguments: [Int64.min, 0, 9, 10])
    func empty(_ end: Int64) {
        #expect(AskedRange.from(10, upTo: end).fieldValue == "bytes=10-10")
    }
}

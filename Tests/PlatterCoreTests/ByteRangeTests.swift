import PlatterCore
import Testing

@Suite("Byte ranges")
struct ByteRangeTests {
    @Test("the length is the number of bytes, up to the largest range")
    func length() {
        #expect((3..<10 as ByteRange).length == 7)
        #expect((5..<5 as ByteRange).length == 0)
        #expect((0..<Int64.max as ByteRange).length == Int64.max)
    }

    @Test("the intersection has exactly the bytes that both ranges have")
    func intersectionAgainstSets() {
        for (a, b) in pairs(below: 7) {
            for (c, d) in pairs(below: 7) {
                let left: ByteRange = a..<b
                let right: ByteRange = c..<d
                let expected = Set(left).intersection(Set(right)).sorted()
                #expect(left.intersection(right).map(Array.init) ?? [] == expected)
            }
        }
    }

    @Test("ranges that only touch have no intersection")
    func touching() {
        #expect((0..<5 as ByteRange).intersection(5..<9) == nil)
        #expect((4..<4 as ByteRange).intersection(0..<9) == nil)
    }

    @Test("a range from a start is cut at the limit")
    func cutAtLimit() {
        #expect(ByteRange.starting(at: 10, length: 5) == 10..<15)
        #expect(ByteRange.starting(at: 10, length: 5, limit: 12) == 10..<12)
        #expect(ByteRange.starting(at: 10, length: 0) == 10..<10)
    }

    @Test("a range that starts beyond the limit is empty")
    func startBeyondLimit() {
        #expect(ByteRange.starting(at: 10, length: 5, limit: 3) == 10..<10)
    }

    @Test("a range that would end beyond Int64 ends at Int64.max")
    func clampedEnd() {
        #expect(ByteRange.starting(at: .max - 2, length: .max) == (.max - 2)..<(.max))
        #expect(ByteRange.starting(at: 7, length: .max) == 7..<(.max))
    }

    @Test("a negative length counts as none")
    func negativeLength() {
        #expect(ByteRange.starting(at: 4, length: -1) == 4..<4)
        #expect(ByteRange.starting(at: 4, length: .min) == 4..<4)
    }

    private func pairs(below limit: Int64) -> [(Int64, Int64)] {
        (0..<limit).flatMap { low in (low..<limit).map { (low, $0) } }
    }
}

@Suite("Clamped arithmetic")
struct ClampedArithmeticTests {
    @Test("a sum that fits is exact")
    func exactSum() {
        #expect(Int64(40).addingClamped(2) == 42)
        #expect(Int64.max.addingClamped(.min) == -1)
    }

    @Test("a sum that does not fit is the nearest number that does")
    func clampedSum() {
        #expect(Int64.max.addingClamped(1) == .max)
        #expect(Int64.min.addingClamped(-1) == .min)
    }

    @Test("a product that fits is exact")
    func exactProduct() { #expect(Int64(6).multipliedClamped(by: 7) == 42) }

    @Test("a product that does not fit is Int64.max")
    func clampedProduct() {
        #expect(Int64.max.multipliedClamped(by: 2) == .max)
        #expect(Int64.max.multipliedClamped(by: 0) == 0)
    }
}

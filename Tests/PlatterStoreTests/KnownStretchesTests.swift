import PlatterCore
import Testing

@testable import PlatterStore

@Suite("Stretches that are known to be there")
struct KnownStretchesTests {
    @Test("are those that were told, whatever their order")
    func model() {
        var numbers = SeededNumbers(state: 7)
        for _ in 0..<200 {
            var known = KnownStretches()
            var bytes = Set<Int64>()
            for _ in 0..<40 {
                let start = Int64.random(in: 0..<100, using: &numbers)
                let range = start..<start + Int64.random(in: 1..<10, using: &numbers)
                known.insert(range)
                bytes.formUnion(range)
                let asked = Int64.random(in: 0..<105, using: &numbers)
                let question = asked..<asked + Int64.random(in: 1..<13, using: &numbers)
                #expect(known.contains(question) == bytes.isSuperset(of: question))
            }
            for (earlier, later) in zip(known.stretches, known.stretches.dropFirst()) {
                #expect(earlier.upperBound < later.lowerBound)
            }
        }
    }

    @Test("are not too many")
    func limit() {
        var known = KnownStretches()
        for number in 0..<Int64(KnownStretches.limit) { known.insert(number * 2..<number * 2 + 1) }
        #expect(known.stretches.count == KnownStretches.limit)
        #expect(known.contains(0..<1))
        // It makes two of them one.
        known.insert(1..<2)
        #expect(known.stretches.count == KnownStretches.limit - 1)
        #expect(known.contains(0..<3))
        known.insert(1000..<1001)
        known.insert(2000..<2001)
        #expect(known.stretches == [2000..<2001])
    }
}

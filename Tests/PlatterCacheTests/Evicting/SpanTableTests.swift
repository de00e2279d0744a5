import PlatterCore
import PlatterStore
import Testing

@testable import PlatterCache

@Suite("Spans")
struct SpanTableTests {
    private let file = SpanTableTests.name(1)

    private static func name(_ number: Int64) -> DataFileName {
        let representation = Representation(
            key: CacheKey("film"), validator: .absent, completeLength: 1)
        return DataFileName(representation, salt: UInt64(number))
    }

    private func isFree(_ range: ByteRange, in table: SpanTable) -> Bool {
        var isFree = false
        table.whileFree(range, of: file) { isFree = true }
        return isFree
    }

    @Test("a range is protected for as long as its hold lives")
    func lifetime() throws {
        let table = SpanTable()
        var hold = table.hold(10..<20, of: file, as: .reader)
        #expect(hold != nil)
        #expect(!isFree(19..<30, in: table))
        #expect(isFree(20..<30, in: table))
        hold = nil
        #expect(isFree(0..<100, in: table))
    }

    @Test("a hold that moves protects the new range and no longer the old one")
    func moves() throws {
        let table = SpanTable()
        let hold = try #require(table.hold(0..<10, of: file, as: .reader))
        hold.move(to: 50..<60)
        #expect(isFree(0..<10, in: table))
        #expect(!isFree(55..<56, in: table))
        withExtendedLifetime(hold) {}
    }

    @Test("each of two holds on one range protects it")
    func two() throws {
        let table = SpanTable()
        var first = table.hold(0..<10, of: file, as: .reader)
        let second = table.hold(0..<10, of: file, as: .flight)
        #expect(first != nil)
        first = nil
        #expect(!isFree(0..<10, in: table))
        withExtendedLifetime(second) {}
    }

    @Test("readers and flights are told apart, and entries too")
    func roles() throws {
        let table = SpanTable()
        let holds = [
            table.hold(0..<1, of: file, as: .reader), table.hold(2..<3, of: file, as: .flight),
        ]
        #expect(table.spans(of: file).readers == [0..<1])
        #expect(table.spans(of: file).flights == [2..<3])
        #expect(table.spans(of: Self.name(2)) == Spans())
        withExtendedLifetime(holds) {}
    }

    @Test("readers of all entries are counted for as long as their holds live, and flights are not")
    func readers() {
        let table = SpanTable()
        var first = table.hold(0..<1, of: file, as: .reader)
        let others = [
            table.hold(0..<1, of: Self.name(2), as: .reader),
            table.hold(0..<1, of: Self.name(2), as: .flight),
        ]
        first?.move(to: 5..<6)
        #expect(table.readers == 2)
        first = nil
        #expect(table.readers == 1)
        #expect(table.condemn(file))
        #expect(table.hold(0..<1, of: file, as: .reader) == nil)
        #expect(table.readers == 1)
        withExtendedLifetime(others) {}
    }

    @Test("an entry that is needed cannot be condemned")
    func condemnedNever() throws {
        let table = SpanTable()
        var hold = table.hold(0..<1, of: file, as: .flight)
        #expect(hold != nil)
        #expect(!table.condemn(file))
        hold = nil
        #expect(table.condemn(file))
    }

    @Test("a condemned entry takes no holds until it is pardoned")
    func condemned() {
        let table = SpanTable()
        #expect(table.condemn(file))
        #expect(table.isCondemned(file))
        #expect(table.hold(0..<1, of: file, as: .reader) == nil)
        #expect(table.hold(0..<1, of: Self.name(2), as: .reader) != nil)
        table.pardon(file)
        #expect(table.hold(0..<1, of: file, as: .reader) != nil)
    }

    @Test("the oldest of many condemned entries is forgotten")
    func forgets() {
        let table = SpanTable()
        for number in 0...Int64(SpanTable.condemnedLimit) {
            #expect(table.condemn(Self.name(number)))
        }
        #expect(!table.isCondemned(Self.name(0)))
        #expect(table.isCondemned(Self.name(1)))
    }
}

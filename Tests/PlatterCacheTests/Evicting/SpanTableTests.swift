import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Spans")
struct SpanTableTests {
    private let entry = EntryID(1)

    private func isFree(_ range: ByteRange, in table: SpanTable) -> Bool {
        var isFree = false
        table.whileFree(range, of: entry) { isFree = true }
        return isFree
    }

    @Test("a range is protected for as long as its hold lives")
    func lifetime() throws {
        let table = SpanTable()
        var hold = table.hold(10..<20, of: entry, as: .reader)
        #expect(hold != nil)
        #expect(!isFree(19..<30, in: table))
        #expect(isFree(20..<30, in: table))
        hold = nil
        #expect(isFree(0..<100, in: table))
    }

    @Test("a hold that moves protects the new range and no longer the old one")
    func moves() throws {
        let table = SpanTable()
        let hold = try #require(table.hold(0..<10, of: entry, as: .reader))
        hold.move(to: 50..<60)
        #expect(isFree(0..<10, in: table))
        #expect(!isFree(55..<56, in: table))
        withExtendedLifetime(hold) {}
    }

    @Test("each of two holds on one range protects it")
    func two() throws {
        let table = SpanTable()
        var first = table.hold(0..<10, of: entry, as: .reader)
        let second = table.hold(0..<10, of: entry, as: .flight)
        #expect(first != nil)
        first = nil
        #expect(!isFree(0..<10, in: table))
        withExtendedLifetime(second) {}
    }

    @Test("readers and flights are told apart, and entries too")
    func roles() throws {
        let table = SpanTable()
        let holds = [
            table.hold(0..<1, of: entry, as: .reader), table.hold(2..<3, of: entry, as: .flight),
        ]
        #expect(table.spans(of: entry).readers == [0..<1])
        #expect(table.spans(of: entry).flights == [2..<3])
        #expect(table.spans(of: EntryID(2)) == Spans())
        withExtendedLifetime(holds) {}
    }

    @Test("an entry that is needed cannot be condemned")
    func condemnedNever() throws {
        let table = SpanTable()
        var hold = table.hold(0..<1, of: entry, as: .flight)
        #expect(hold != nil)
        #expect(!table.condemn(entry))
        hold = nil
        #expect(table.condemn(entry))
    }

    @Test("a condemned entry takes no holds until it is pardoned")
    func condemned() {
        let table = SpanTable()
        #expect(table.condemn(entry))
        #expect(table.isCondemned(entry))
        #expect(table.hold(0..<1, of: entry, as: .reader) == nil)
        #expect(table.hold(0..<1, of: EntryID(2), as: .reader) != nil)
        table.pardon(entry)
        #expect(table.hold(0..<1, of: entry, as: .reader) != nil)
    }

    @Test("the oldest of many condemned entries is forgotten")
    func forgets() {
        let table = SpanTable()
        for number in 0...Int64(SpanTable.condemnedLimit) {
            #expect(table.condemn(EntryID(number)))
        }
        #expect(!table.isCondemned(EntryID(0)))
        #expect(table.isCondemned(EntryID(1)))
    }
}

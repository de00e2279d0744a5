import Testing

@testable import PlatterStore

@Suite("What is known of a file that others may change")
struct FileWatchTests {
    private static func stamp(_ time: Int64) throws -> FileStamp {
        try #require(FileStamp(text: "1 100 \(time) 0"))
    }

    let first: FileStamp
    let second: FileStamp
    let third: FileStamp

    init() throws {
        first = try Self.stamp(1)
        second = try Self.stamp(2)
        third = try Self.stamp(3)
    }

    private static func expect(
        _ watch: inout FileWatch, _ stamp: FileStamp, isSettled: Bool, isUnclear expected: Bool,
        at place: SourceLocation = #_sourceLocation
    ) {
        let isUnclear = watch.isUnclear(stamp) { isSettled }
        #expect(isUnclear == expected, sourceLocation: place)
    }

    @Test("while we change it, others are asked after, and what they did counts at once")
    func during() {
        var watch = FileWatch(left: first)
        watch.willChange(first)
        Self.expect(&watch, first, isSettled: true, isUnclear: true)
        watch.look(second)
        #expect(watch.foreignChange == nil)
        watch.look(second, othersWrote: true)
        #expect(watch.foreignCount == 1)
        watch.didChange(second)
        #expect(watch.foreignCount == 1)
        #expect(watch.stamp == nil)
    }

    @Test("one that is only known of at the end of our change counts too")
    func end() {
        var watch = FileWatch(left: first)
        watch.willChange(first)
        watch.didChange(second, othersWrote: true)
        #expect(watch.foreignCount == 1)
    }

    @Test("one that shows in stamp and queue counts once")
    func once() {
        var watch = FileWatch(left: first)
        Self.expect(&watch, second, isSettled: true, isUnclear: true)
        watch.look(second, othersWrote: true)
        #expect(watch.foreignCount == 1)
    }

    @Test(
        "after a change of ours others are asked after until the clock has gone on, and once more")
    func settling() {
        var watch = FileWatch(left: first)
        Self.expect(&watch, first, isSettled: false, isUnclear: false)
        watch.willChange(first)
        watch.didChange(second)
        Self.expect(&watch, second, isSettled: false, isUnclear: true)
        watch.look(second, othersWrote: true)
        #expect(watch.foreignCount == 1)
        Self.expect(&watch, second, isSettled: true, isUnclear: true)
        Self.expect(&watch, second, isSettled: false, isUnclear: false)
        // So it is after a change that was not ours.
        watch.look(third)
        Self.expect(&watch, third, isSettled: false, isUnclear: true)
    }

    @Test(
        "where others are not told of, each look in the instant of a change of theirs is another one"
    )
    func unheard() {
        var watch = FileWatch(left: first)
        Self.expect(&watch, second, isSettled: false, isUnclear: true)
        watch.look(second, othersWrote: nil)
        #expect(watch.foreignCount == 1)
        Self.expect(&watch, second, isSettled: false, isUnclear: true)
        watch.look(second, othersWrote: nil)
        // The clock goes on: they may have written just before.
        Self.expect(&watch, second, isSettled: true, isUnclear: true)
        watch.look(second, othersWrote: nil)
        #expect(watch.foreignCount == 3)
        Self.expect(&watch, second, isSettled: true, isUnclear: false)
        watch.look(second, othersWrote: nil)
        #expect(watch.foreignCount == 3)
    }

    @Test("a change of others that is long past when it is noticed is one, and so is one of ours")
    func past() {
        var watch = FileWatch(left: first)
        Self.expect(&watch, second, isSettled: true, isUnclear: true)
        watch.look(second, othersWrote: nil)
        Self.expect(&watch, second, isSettled: true, isUnclear: false)
        watch.look(second, othersWrote: nil)
        watch.beginsToHear()
        #expect(watch.foreignCount == 1)
        watch.willChange(second, othersWrote: nil)
        watch.didChange(third)
        Self.expect(&watch, third, isSettled: false, isUnclear: true)
        watch.look(third, othersWrote: nil)
        watch.beginsToHear()
        #expect(watch.foreignCount == 1)
    }

    @Test("what others did in the instant of their change, before they are told of, is another one")
    func hearing() {
        var watch = FileWatch(left: first)
        Self.expect(&watch, second, isSettled: false, isUnclear: true)
        watch.look(second, othersWrote: nil)
        watch.beginsToHear()
        #expect(watch.foreignCount == 2)
        Self.expect(&watch, second, isSettled: false, isUnclear: true)
        watch.look(second, othersWrote: false)
        #expect(watch.foreignCount == 2)
    }

    @Test("a stamp is settled when the coarsest clock must have gone on")
    func settled() throws {
        let stamp = try #require(FileStamp(text: "1 100 10 990000000"))
        #expect(!stamp.isSettled(now: (10, 990_000_000)))
        #expect(!stamp.isSettled(now: (10, 999_999_999)))
        #expect(!stamp.isSettled(now: (11, 999_999_999)))
        #expect(stamp.isSettled(now: (12, 0)))
        #expect(!stamp.isSettled(now: (9, 0)))
        let early = try #require(FileStamp(text: "1 100 10 0"))
        #expect(early.isSettled(now: (10, 20_000_000)))
        #expect(!early.isSettled(now: (10, 19_999_999)))
        let last = try #require(FileStamp(text: "1 100 \(Int64.max) 999999999"))
        #expect(!last.isSettled(now: (.max, 0)))
    }
}

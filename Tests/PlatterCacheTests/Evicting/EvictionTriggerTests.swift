import PlatterCore
import Testing

@testable import PlatterCache

@Suite("When eviction looks")
struct EvictionTriggerTests {
    /// Looked once, with a threshold of 1000.
    private func calm(total: Int64 = 0) -> EvictionTrigger {
        var trigger = EvictionTrigger(total: total)
        _ = trigger.disturb()
        _ = trigger.ended(threshold: 1000, isOver: false)
        return trigger
    }

    @Test("the first byte recorded makes it look, because nothing is known of the disk yet")
    func first() {
        var trigger = EvictionTrigger(total: 0)
        #expect(trigger.recorded(1) == .look)
    }

    @Test("it looks when the threshold is passed, and not at it")
    func threshold() {
        var trigger = calm(total: 900)
        #expect(trigger.recorded(100) == .nothing)
        #expect(trigger.recorded(1) == .look)
    }

    @Test("far from the threshold it looks at the disk from time to time")
    func space() {
        var trigger = EvictionTrigger(total: 0)
        _ = trigger.disturb()
        #expect(trigger.ended(threshold: .max, isOver: false) == .nothing)
        #expect(trigger.recorded(EvictionTrigger.spaceStep - 1) == .nothing)
        #expect(trigger.recorded(1) == .look)
    }

    @Test("one look at a time: what comes meanwhile is looked at afterwards")
    func oneAtATime() {
        var trigger = calm()
        #expect(trigger.recorded(2000) == .look)
        #expect(trigger.recorded(2000) == .nothing)
        trigger.measured(4000, since: trigger.mark)
        trigger.dropped(1500, since: trigger.mark)
        #expect(trigger.ended(threshold: 1000, isOver: false) == .look)
        trigger.dropped(2500, since: trigger.mark)
        #expect(trigger.ended(threshold: 1000, isOver: false) == .nothing)
        #expect(trigger.total == 0)
    }

    @Test("what is recorded while the index is asked counts, whatever the answer says")
    func recordedMeanwhile() {
        var trigger = calm(total: 500)
        let question = trigger.mark
        _ = trigger.recorded(300)
        trigger.measured(400, since: question)
        #expect(trigger.total == 700)
    }

    @Test("what is taken away while the index is asked does not count twice")
    func droppedMeanwhile() {
        var trigger = calm(total: 500)
        let change = trigger.mark
        // The answer is without the 200 already.
        trigger.measured(300, since: trigger.mark)
        trigger.dropped(200, since: change)
        #expect(trigger.total == 300)
        trigger.dropped(100, since: trigger.mark)
        #expect(trigger.total == 200)
    }

    @Test("no sizes trap, nor make the count negative")
    func extremes() {
        var trigger = calm()
        for bytes in [Int64.max, .min, 0, -1, .max] {
            let mark = trigger.mark
            _ = trigger.recorded(bytes)
            trigger.measured(bytes, since: mark)
            #expect(trigger.total >= 0)
            trigger.dropped(bytes, since: trigger.mark)
            #expect(trigger.total >= 0)
        }
    }

    @Test("after a look that could not free enough it rests, and then waits for a change")
    func rests() {
        var trigger = calm()
        _ = trigger.recorded(2000)
        #expect(trigger.ended(threshold: 1000, isOver: true) == .rest)
        #expect(trigger.rested() == .nothing)
        #expect(trigger.released() == .look)
    }

    @Test("what changes while it rests is looked at when the rest is over")
    func changesAtRest() {
        var trigger = calm()
        _ = trigger.recorded(2000)
        _ = trigger.ended(threshold: 1000, isOver: true)
        #expect(trigger.released() == .nothing)
        #expect(trigger.recorded(5) == .nothing)
        #expect(trigger.rested() == .look)
    }

    @Test("a rest ends early when a sixteenth of the cache came meanwhile")
    func quickReaders() {
        let mib: Int64 = 1 << 20
        var trigger = EvictionTrigger(total: 60 * mib)
        #expect(trigger.disturb() == .look)
        #expect(trigger.ended(threshold: 48 * mib, isOver: true) == .rest)
        #expect(trigger.recorded(3 * mib - 1) == .nothing)
        #expect(trigger.recorded(1) == .look)
        // It is about what came since.
        #expect(trigger.ended(threshold: 48 * mib, isOver: true) == .rest)
        #expect(trigger.recorded(3 * mib - 1) == .nothing)
        #expect(trigger.recorded(1) == .look)
        // The timer of a rest that was over before.
        #expect(trigger.rested() == .nothing)
        // Where there is next to no room at all not each byte costs a look.
        #expect(trigger.ended(threshold: 0, isOver: true) == .rest)
        #expect(trigger.recorded(EvictionTrigger.leastRest - 1) == .nothing)
        #expect(trigger.recorded(1) == .look)
    }

    @Test("what is released during a look that cannot free enough is not forgotten")
    func changesMeanwhile() {
        var trigger = calm()
        _ = trigger.recorded(2000)
        #expect(trigger.released() == .nothing)
        #expect(trigger.ended(threshold: 1000, isOver: true) == .rest)
        #expect(trigger.rested() == .look)
    }

    @Test("a disk that others fill is looked at, but not again and again where nothing may go")
    func shortOfDisk() {
        var trigger = calm()
        #expect(trigger.shortOfDisk() == .look)
        #expect(trigger.shortOfDisk() == .nothing)
        #expect(trigger.ended(threshold: 1000, isOver: true) == .rest)
        #expect(trigger.shortOfDisk() == .nothing)
        #expect(trigger.rested() == .nothing)
        #expect(trigger.shortOfDisk() == .nothing)
        // Until somebody needs less.
        #expect(trigger.released() == .look)
        #expect(trigger.ended(threshold: 1000, isOver: false) == .nothing)
        #expect(trigger.shortOfDisk() == .look)
    }

    @Test("while there is room a reader that leaves costs no look")
    func releasedInPeace() {
        var trigger = calm()
        #expect(trigger.released() == .nothing)
    }

    @Test("a look that ends twice, or a rest that nobody ordered, changes nothing")
    func strays() {
        var trigger = calm()
        let before = trigger
        #expect(trigger.ended(threshold: 0, isOver: true) == .nothing)
        #expect(trigger.rested() == .nothing)
        #expect(trigger == before)
    }
}

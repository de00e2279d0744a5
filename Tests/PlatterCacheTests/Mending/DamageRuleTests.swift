import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Damage that nothing explains")
struct DamageRuleTests {
    /// The rule, told at so many seconds.
    private final class Disk {
        private(set) var rule = DamageRule()

        func damaged(
            _ entry: Int64, at place: Int64, _ seconds: Double
        ) -> DamageRule.Verdict {
            rule.damaged(
                EntryID(entry), at: place * DamageRule.placeLength,
                now: Moment.start.advanced(by: .seconds(seconds)))
        }

        /// As many places as give an object up.
        func ruin(_ entry: Int64, _ seconds: Double) -> DamageRule.Verdict {
            _ = damaged(entry, at: 0, seconds)
            _ = damaged(entry, at: 1, seconds)
            return damaged(entry, at: 7, seconds)
        }

        func foundClean() { rule.foundClean() }
    }

    private let disk = Disk()

    @Test("three places of an object within a minute give it up")
    func quarantine() {
        #expect(disk.damaged(1, at: 5, 0) == .nothing)
        #expect(disk.damaged(1, at: 0, 30) == .nothing)
        #expect(disk.damaged(1, at: 9, 59) == .quarantine)
        #expect(disk.damaged(1, at: 9, 59) == .nothing)
    }

    @Test("one place is one, however many come upon it, and wherever in it")
    func onePlace() {
        var rule = DamageRule()
        let first = 3 * DamageRule.placeLength
        for position in first..<first + 20 {
            #expect(rule.damaged(EntryID(1), at: position, now: .start) == .nothing)
        }
        let last = first + DamageRule.placeLength - 1
        #expect(rule.damaged(EntryID(1), at: last, now: .start) == .nothing)
        #expect(rule.damaged(EntryID(1), at: last + 1, now: .start) == .nothing)
        #expect(rule.damaged(EntryID(1), at: 0, now: .start) == .quarantine)
    }

    @Test("places of different objects, or far apart in time, do not")
    func accidents() {
        for entry in Int64(1)...20 { #expect(disk.damaged(entry, at: 0, 0) == .nothing) }
        #expect(disk.damaged(1, at: 1, 30) == .nothing)
        #expect(disk.damaged(1, at: 2, 61) == .nothing)
        #expect(!disk.rule.isSuspect)
    }

    @Test("three such objects within ten minutes, and the disk is not believed any more")
    func suspect() {
        #expect(disk.ruin(1, 0) == .quarantine)
        #expect(disk.ruin(2, 300) == .quarantine)
        #expect(disk.ruin(3, 599) == .suspect)
        #expect(disk.rule.isSuspect)
        #expect(disk.ruin(4, 600) == .quarantine)
    }

    @Test("three such objects over a longer time are accidents")
    func slowly() {
        #expect(disk.ruin(1, 0) == .quarantine)
        #expect(disk.ruin(2, 300) == .quarantine)
        #expect(disk.ruin(3, 601) == .quarantine)
        #expect(!disk.rule.isSuspect)
    }

    @Test("a disk on which all was found right is believed again")
    func clean() {
        for entry in Int64(1)...3 { _ = disk.ruin(entry, 0) }
        #expect(disk.rule.isSuspect)
        disk.foundClean()
        #expect(!disk.rule.isSuspect)
        #expect(disk.damaged(1, at: 0, 1) == .nothing)
    }
}

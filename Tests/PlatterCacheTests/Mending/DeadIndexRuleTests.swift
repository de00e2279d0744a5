import PlatterCore
import Testing

@testable import PlatterCache

@Suite("When an index is given up that the disk does not give")
struct DeadIndexRuleTests {
    /// The rule, told at so many seconds.
    private final class Told {
        private var rule = DeadIndexRule()

        private func at(_ seconds: Int) -> Moment { Moment.start.advanced(by: .seconds(seconds)) }

        func failed() { rule.failed() }

        func beginsTrial(at seconds: Int) -> Bool { rule.beginsTrial(now: at(seconds)) }

        /// - Returns: Whether one of these trials, all with this end, has called it dead.
        func ends(_ trial: DeadIndexRule.Trial, at seconds: [Int]) -> Bool {
            var isDead = false
            for second in seconds where rule.ended(trial, now: at(second)) { isDead = true }
            return isDead
        }
    }

    @Test("nothing is tried without need, and one trial at a time, 5 s apart")
    func trials() {
        let rule = Told()
        #expect(!rule.beginsTrial(at: 0))
        rule.failed()
        #expect(rule.beginsTrial(at: 0))
        #expect(!rule.beginsTrial(at: 100))
        #expect(!rule.ends(.failed, at: [100]))
        #expect(!rule.beginsTrial(at: 104))
        #expect(rule.beginsTrial(at: 105))
        #expect(!rule.ends(.passed, at: [106]))
        #expect(!rule.beginsTrial(at: 200))
        rule.failed()
        #expect(rule.beginsTrial(at: 200))
    }

    @Test("one that fails for 30 s is dead, not earlier, and not for few failures")
    func dead() {
        let rule = Told()
        #expect(!rule.ends(.failed, at: [0, 5, 10, 15, 20, 25, 29]))
        #expect(rule.ends(.failed, at: [30]))
        let slow = Told()
        #expect(!slow.ends(.failed, at: [0, 100, 200, 300]))
        #expect(slow.ends(.failed, at: [400]))
    }

    @Test("a trial that passes, or a disk that fails as a whole, begins it anew")
    func transient() {
        for trial in [DeadIndexRule.Trial.passed, .unknown] {
            let rule = Told()
            #expect(!rule.ends(.failed, at: [0, 5, 10, 15, 20, 25]))
            #expect(!rule.ends(trial, at: [28]))
            #expect(!rule.ends(.failed, at: [30, 35, 40, 45, 50, 55, 59]))
            #expect(rule.ends(.failed, at: [60]))
        }
    }

    @Test("nothing is ever given up for a disk that fails as a whole")
    func whole() {
        let rule = Told()
        rule.failed()
        #expect(!rule.ends(.unknown, at: Array(0..<10_000)))
        #expect(rule.beginsTrial(at: 10_010))
    }

    @Test("the next one that dies has twice as long")
    func again() {
        let rule = Told()
        #expect(!rule.ends(.failed, at: [0, 10, 20, 25]))
        #expect(rule.ends(.failed, at: [30]))
        #expect(!rule.beginsTrial(at: 31))
        #expect(!rule.ends(.failed, at: [100, 110, 120, 130, 159]))
        #expect(rule.ends(.failed, at: [160]))
    }
}

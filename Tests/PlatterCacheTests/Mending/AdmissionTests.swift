import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Admission to the store")
struct AdmissionTests {
    /// The rule, asked at so many seconds.
    private final class Door {
        private var rule = AdmissionRule()

        func admits(_ seconds: Double) -> Bool { rule.admits(now: moment(seconds)) }

        func refused(_ seconds: Double) -> Bool { rule.refused(now: moment(seconds)) }

        func stored() -> Bool { rule.stored() }

        func reopen() -> Bool { rule.reopen() }

        private func moment(_ seconds: Double) -> Moment {
            Moment.start.advanced(by: .seconds(seconds))
        }
    }

    private let door = Door()

    @Test("all may try until the disk refuses, then none until the pause is over, then one")
    func pause() {
        #expect(door.admits(0))
        #expect(door.refused(0))
        #expect(!door.admits(0.9))
        #expect(door.admits(1))
        #expect(!door.admits(1.5))
    }

    @Test("bytes stored by the one that tries open it for all")
    func opens() {
        _ = door.refused(0)
        _ = door.admits(1)
        #expect(door.stored())
        #expect(door.admits(1))
        #expect(!door.stored())
    }

    @Test("when what stood in the way is gone, nobody waits for the end of the pause")
    func reopened() {
        #expect(!door.reopen())
        _ = door.refused(0)
        #expect(door.reopen())
        #expect(door.admits(0.1))
        #expect(door.admits(0.1))
        #expect(door.refused(0.2))
    }

    @Test("each try that fails doubles the pause, up to ten seconds")
    func doubles() {
        var now = 0.0
        _ = door.refused(now)
        for pause in [1.0, 2, 4, 8, 10, 10] {
            #expect(!door.admits(now + pause - 0.1))
            now += pause
            #expect(door.admits(now))
            #expect(!door.refused(now))
        }
    }

    @Test("what began before the refusal neither opens it nor makes the pause longer")
    func stragglers() {
        #expect(door.refused(0))
        #expect(!door.refused(0.1))
        #expect(!door.stored())
        #expect(!door.admits(0.5))
        #expect(door.admits(1))
    }

    @Test("a try of which nothing is heard does not close it for ever")
    func silent() {
        _ = door.refused(0)
        #expect(door.admits(1))
        #expect(!door.admits(1.9))
        #expect(door.admits(2))
    }
}

import PlatterCore
import Testing

@testable import PlatterCache

@Suite("An origin that has failed beside origins that are well")
struct ProbeRivalsTests {
    private var stage: Stage

    init() {
        var limits = FetchLimits()
        (limits.total, limits.perOrigin) = (1, 1)
        stage = Stage(limits: limits)
    }

    /// Five requests in vain.
    private mutating func breaks(_ origin: String) {
        for id in UInt64(101)...105 {
            let flight = stage.scheduler.nextFlight
            stage.flies(
                id, 0..<mib, flight: flight, isWaiting: false, entry: id, origin: origin)
            _ = stage.landed(flight, .retryable(after: nil))
            _ = stage.leaves(id)
        }
    }

    @Test("is tried in the order of those who wait, however busy the others are")
    mutating func order() {
        breaks("x")
        let flight = stage.scheduler.nextFlight
        stage.flies(1, 0..<mib, flight: flight, entry: 1, origin: "busy")
        let soon = Stage.deadline.advanced(by: .seconds(-1))
        _ = stage.enters(3, 0..<mib, entry: 3, origin: "x", deadline: soon)
        #expect(stage.enters(2, 0..<mib, entry: 2, origin: "busy") == [])
        // The break is over, and the line is still full.
        _ = stage.timerFires(at: stage.now.advanced(by: .milliseconds(1500)))
        _ = stage.advanced(flight, to: mib)
        let next = stage.landed(flight).compactMap { action -> UInt64? in
            if case .plan(let order) = action { order.entry.rawValue } else { nil }
        }
        #expect(next == [3])
    }
}

import PlatterCore
import Testing

@testable import PlatterCache

@Suite("Readers of small parts beside each other")
struct NeighbourTests {
    var stage: Stage

    init() {
        var limits = FetchLimits()
        limits.perOrigin = 1
        stage = Stage(limits: limits)
    }

    /// A part of a thousand bytes.
    private mutating func enters(_ id: UInt64, at position: Int64) -> [SchedulerAction] {
        stage.enters(id, position..<position + 1000, stride: 1000)
    }

    @Test("what waits close behind comes with the same request")
    mutating func merged() {
        #expect(enters(1, at: 0) == [.plan(1, at: 0, searchEnd: 1000, length: 1000)])
        for id in UInt64(2)...5 { #expect(enters(id, at: Int64(id - 1) * 1000) == []) }
        // The last of its grid, and one behind that.
        #expect(enters(6, at: 65_000) == [])
        #expect(enters(7, at: 66_000) == [])
        _ = stage.planned(1, 0..<1000)
        _ = stage.advanced(1, to: 1000)
        let next = SchedulerAction.plan(
            2, at: 1000, searchEnd: 64 * kib, length: 64 * kib - 1000)
        #expect(stage.landed(1).contains(next))
        #expect(stage.planned(2, 1000..<64 * kib) == [.fly(2, 1000..<64 * kib)])
        for id in UInt64(2)...5 {
            let end = Int64(id) * 1000
            #expect(stage.advanced(2, to: end).contains(.wake(id)))
        }
    }

    @Test("a request that does not come to the end of its range stays as short as it is")
    mutating func short() {
        _ = enters(1, at: 500 * mib)
        #expect(stage.enters(2, 0..<10 * mib - 1) == [])
        #expect(enters(3, at: 10 * mib - 1) == [])
        _ = stage.planned(1, 500 * mib..<500 * mib + 1000)
        _ = stage.advanced(1, to: 500 * mib + 1000)
        let next = SchedulerAction.plan(2, at: 0, searchEnd: 10 * mib - 1, length: mib)
        #expect(stage.landed(1).contains(next))
    }

    @Test("a reader alone gets no byte more than it asked for")
    mutating func alone() {
        #expect(enters(1, at: 0) == [.plan(1, at: 0, searchEnd: 1000, length: 1000)])
        #expect(enters(2, at: 64 * kib) == [])
        _ = stage.planned(1, 0..<1000)
        _ = stage.advanced(1, to: 1000)
        let next = SchedulerAction.plan(
            2, at: 64 * kib, searchEnd: 64 * kib + 1000, length: 1000)
        #expect(stage.landed(1).contains(next))
    }
}

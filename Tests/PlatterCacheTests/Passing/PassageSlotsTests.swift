import Testing

@testable import PlatterCache

@Suite("Slots of what goes past the store")
struct PassageSlotsTests {
    private var slots: PassageSlots

    init() {
        var limits = PassageSlots.Limits()
        (limits.perOrigin, limits.total, limits.waiting) = (2, 3, 4)
        limits.own = 0
        slots = PassageSlots(limits: limits)
    }

    private mutating func enters(_ id: UInt64, _ origin: String = "a") -> PassageSlots.Action? {
        slots.enter(PassageID(id), at: OriginID(origin))
    }

    private mutating func leaves(_ id: UInt64) -> PassageSlots.Action? {
        slots.leave(PassageID(id))
    }

    @Test("an origin has its slots, and the next waits for one of them")
    mutating func perOrigin() {
        #expect(enters(1) == .start(PassageID(1)))
        #expect(enters(2) == .start(PassageID(2)))
        #expect(enters(3) == nil)
        #expect(enters(4) == nil)
        #expect(leaves(2) == .start(PassageID(3)))
        #expect(leaves(1) == .start(PassageID(4)))
        #expect(leaves(3) == nil)
        #expect(leaves(4) == nil)
        #expect(slots.runningCount == 0)
    }

    @Test("who waits for one origin keeps nobody from another")
    mutating func others() {
        for id in UInt64(1)...2 { _ = enters(id) }
        #expect(enters(3) == nil)
        #expect(enters(4, "b") == .start(PassageID(4)))
        #expect(enters(5, "b") == nil)
        // The first that may go, not the first in line.
        #expect(leaves(4) == .start(PassageID(5)))
        #expect(leaves(5) == nil)
        #expect(leaves(1) == .start(PassageID(3)))
    }

    @Test("where all are taken, the first to come is the first to go, whatever its origin")
    mutating func total() {
        _ = enters(1, "a")
        _ = enters(2, "b")
        _ = enters(3, "c")
        #expect(enters(4, "d") == nil)
        #expect(enters(5, "a") == nil)
        #expect(leaves(1) == .start(PassageID(4)))
        #expect(leaves(2) == .start(PassageID(5)))
    }

    @Test("where others have taken all, each origin still has a few of its own")
    mutating func own() {
        var limits = PassageSlots.Limits()
        (limits.perOrigin, limits.total, limits.own, limits.ceiling) = (3, 6, 2, 9)
        slots = PassageSlots(limits: limits)
        for id in UInt64(1)...6 { _ = enters(id, id <= 3 ? "a" : "b") }
        #expect(enters(7, "c") == .start(PassageID(7)))
        #expect(enters(8, "c") == .start(PassageID(8)))
        #expect(enters(9, "c") == nil)
        #expect(enters(10, "d") == .start(PassageID(10)))
        #expect(enters(11, "e") == nil)
        #expect(slots.runningCount == 9)
        // Too many run for one that has its own, but not for one that has none.
        #expect(leaves(1) == .start(PassageID(11)))
        #expect(leaves(2) == nil)
        #expect(leaves(3) == nil)
        #expect(leaves(4) == nil)
        #expect(leaves(5) == .start(PassageID(9)))
    }

    @Test("one that does not want any more leaves its place in the line")
    mutating func leaving() {
        for id in UInt64(1)...4 { _ = enters(id) }
        #expect(slots.waitingCount == 2)
        #expect(leaves(3) == nil)
        #expect(leaves(1) == .start(PassageID(4)))
        #expect(leaves(3) == nil)
        #expect(leaves(9) == nil)
        #expect(slots.waitingCount == 0)
    }

    @Test("a line that is too long takes nobody more")
    mutating func refused() {
        for id in UInt64(1)...6 { _ = enters(id) }
        #expect(enters(7) == .refuse(PassageID(7)))
        #expect(enters(8, "b") == .start(PassageID(8)))
        #expect(leaves(3) == nil)
        #expect(enters(9) == nil)
    }

    @Test("absurd limits leave one slot")
    func absurd() {
        var limits = PassageSlots.Limits()
        (limits.perOrigin, limits.total, limits.waiting) = (-1, 0, .min)
        var slots = PassageSlots(limits: limits)
        #expect(slots.enter(PassageID(1), at: OriginID("a")) == .start(PassageID(1)))
        #expect(slots.enter(PassageID(2), at: OriginID("a")) == .refuse(PassageID(2)))
    }
}

/// Names a passage: one response that goes past the store.
package struct PassageID: Hashable, Sendable, Comparable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static func < (lhs: PassageID, rhs: PassageID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// How many responses go past the store at once, and who waits: first come, first served, but nobody
/// waits for an origin that is not his. A value: no clock, no waiting.
///
/// Not the slots of flights: those are few, because flights are short and fill a line, while a passage
/// lasts as long as somebody watches, and mostly waits for its player.
package struct PassageSlots: Hashable, Sendable {
    package struct Limits: Hashable, Sendable {
        /// At once at one origin [128]: where nothing can be stored all players come here. Half of the
        /// connections that the client keeps to an origin, and two thirds of all, so that one that hangs leaves
        /// the others a third.
        package var perOrigin = 128
        /// At once in all [192]: each takes a connection and up to a few buffers of 256 KiB.
        package var total = 192
        /// At once at one origin, whatever the others take [4]: several that hang leave the rest these.
        package var own = 4
        /// At once in all with those [256].
        package var ceiling = 256
        /// Waiting at once [1,024]; whoever comes then is refused.
        package var waiting = 1024

        package init() {}
    }

    package enum Action: Hashable, Sendable {
        case start(PassageID)
        /// Too many wait.
        case refuse(PassageID)
    }

    private struct Waiter: Hashable, Sendable {
        let id: PassageID
        let origin: OriginID
    }

    private let limits: Limits
    private var running: [PassageID: OriginID] = [:]
    private var counts: [OriginID: Int] = [:]
    /// In the order in which they came. None of them could start.
    private var waiters: [Waiter] = []

    package init(limits: Limits = Limits()) {
        var limits = limits
        limits.perOrigin = max(1, limits.perOrigin)
        limits.total = max(1, limits.total)
        limits.ceiling = max(limits.total, limits.ceiling)
        limits.waiting = max(0, limits.waiting)
        self.limits = limits
    }

    package var runningCount: Int { running.count }
    package var waitingCount: Int { waiters.count }

    /// A passage wants to begin.
    ///
    /// - Returns: nil when it has to wait.
    package mutating func enter(_ id: PassageID, at origin: OriginID) -> Action? {
        if hasSlot(at: origin) { return start(id, at: origin) }
        guard waiters.count < limits.waiting else { return .refuse(id) }
        waiters.append(Waiter(id: id, origin: origin))
        return nil
    }

    /// A passage has ended, or does not want to begin any more.
    ///
    /// - Returns: Who begins in its place.
    package mutating func leave(_ id: PassageID) -> Action? {
        guard let origin = running.removeValue(forKey: id) else {
            waiters.removeAll { $0.id == id }
            return nil
        }
        let count = counts[origin] ?? 0
        counts[origin] = count > 1 ? count - 1 : nil
        guard let next = waiters.firstIndex(where: { hasSlot(at: $0.origin) }) else { return nil }
        let waiter = waiters.remove(at: next)
        return start(waiter.id, at: waiter.origin)
    }

    private func hasSlot(at origin: OriginID) -> Bool {
        let count = counts[origin] ?? 0
        let most = count < limits.own ? limits.ceiling : limits.total
        return count < limits.perOrigin && running.count < most
    }

    private mutating func start(_ id: PassageID, at origin: OriginID) -> Action {
        running[id] = origin
        counts[origin, default: 0] += 1
        return .start(id)
    }
}

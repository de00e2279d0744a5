internal import NIOConcurrencyHelpers

/// What a reader of the index has open, as far as it keeps others from opening it: SQLite's connections share what
/// they find out about a file, and a new one finds it as the first of them did.
final class IndexLease: Sendable {
    private let letGo = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    /// - Parameter action: Has the reader close what it does not need any more. Called on any thread; must not block.
    func whenAsked(_ action: @escaping @Sendable () -> Void) {
        letGo.withLockedValue { $0 = action }
    }

    func ask() { letGo.withLockedValue(\.self)?() }
}

/// The readers of an index, and how many of them have it open.
final class IndexLeases: Sendable {
    private struct WeakLease {
        weak var lease: IndexLease?
    }

    private struct State {
        var leases: [WeakLease] = []
        var openCount = 0
    }

    private let state = NIOLockedValueBox(State())

    func make() -> IndexLease {
        let lease = IndexLease()
        state.withLockedValue { state in
            state.leases.removeAll { $0.lease == nil }
            state.leases.append(WeakLease(lease: lease))
        }
        return lease
    }

    func opened() { state.withLockedValue { $0.openCount += 1 } }
    func closed() { state.withLockedValue { $0.openCount -= 1 } }

    /// Asks all to let go.
    func ask() {
        // Outside of the lock: they may do it at once.
        for weak in state.withLockedValue({ $0.leases }) { weak.lease?.ask() }
    }

    /// Asks all to let go, and waits until they have.
    ///
    /// - Parameter limit: For so long at most: one that waits for a disk cannot be asked.
    /// - Returns: Whether they have.
    func recall(within limit: Duration) async -> Bool {
        ask()
        let deadline = ContinuousClock.now.advanced(by: limit)
        while openCount > 0, ContinuousClock.now < deadline {
            do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
        }
        return openCount == 0
    }

    var openCount: Int { state.withLockedValue { $0.openCount } }
}

import NIOConcurrencyHelpers

/// The slots of passages as all of them share them.
package final class PassageGate: Sendable {
    private struct State {
        var slots: PassageSlots
        var waiting: [PassageID: AsyncStream<Void>.Continuation] = [:]
        var next: UInt64 = 1
    }

    private let state: NIOLockedValueBox<State>

    package init(limits: PassageSlots.Limits = .init()) {
        state = NIOLockedValueBox(State(slots: PassageSlots(limits: limits)))
    }

    /// What is going on, for people and tests.
    package var counts: (running: Int, waiting: Int) {
        state.withLockedValue { ($0.slots.runningCount, $0.slots.waitingCount) }
    }

    /// Waits for a slot.
    ///
    /// - Returns: The number to call `leave` with; nil when the task was cancelled or too many wait.
    func enter(_ origin: OriginID) async -> PassageID? {
        let (started, waiter) = AsyncStream<Void>.makeStream()
        let (id, action) = state.withLockedValue { state in
            let id = PassageID(state.next)
            state.next += 1
            state.waiting[id] = waiter
            return (id, state.slots.enter(id, at: origin))
        }
        perform(action)
        for await _ in started { return id }
        // A slot may have come free at the same instant.
        leave(id)
        return nil
    }

    /// A passage is over.
    func leave(_ id: PassageID) {
        let action = state.withLockedValue { state in
            state.waiting[id] = nil
            return state.slots.leave(id)
        }
        perform(action)
    }

    private func perform(_ action: PassageSlots.Action?) {
        switch action {
        case .start(let id): take(id)?.yield()
        case .refuse(let id): take(id)?.finish()
        case nil: break
        }
    }

    private func take(_ id: PassageID) -> AsyncStream<Void>.Continuation? {
        state.withLockedValue { $0.waiting.removeValue(forKey: id) }
    }
}

import NIOConcurrencyHelpers
import Synchronization

/// How many responses are under way, over all connections.
final class ResponseCount: Sendable {
    private let count = NIOLockedValueBox(0)

    var value: Int { count.withLockedValue { $0 } }

    /// A connection began to answer, or has ceased to, if these differ.
    func changed(from wasAnswering: Bool, to isAnswering: Bool) {
        guard wasAnswering != isAnswering else { return }
        count.withLockedValue { $0 += isAnswering ? 1 : -1 }
    }
}

/// How many requests were answered before they came to the HTTP codec, over all connections; see `WarmLane`.
final class AnswerCount: Sendable {
    private let count = Synchronization.Atomic(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() { count.wrappingAdd(1, ordering: .relaxed) }
}

import NIOConcurrencyHelpers
package import PlatterCore

/// The reins of one flight, held by the queue: where it is to end, and whether at once.
package final class FlightControl: Sendable {
    private struct State {
        var end = Int64.max
        var isCancelled = false
        /// The one that plans or opens, and the one that flies.
        var tasks: [Task<Void, Never>] = []
        var hold: Hold?
        var left: [ByteRange] = []
    }

    private let state = NIOLockedValueBox(State())

    package init() {}

    /// Bring nothing from here on.
    package var end: Int64 { state.withLockedValue { $0.end } }
    package var isCancelled: Bool { state.withLockedValue { $0.isCancelled } }

    func limit(to end: Int64) { state.withLockedValue { $0.end = min($0.end, end) } }

    func cancel() {
        let tasks = state.withLockedValue { state in
            state.isCancelled = true
            // Also for a task that does not notice: it brings nothing more.
            state.end = 0
            return state.tasks
        }
        for task in tasks { task.cancel() }
    }

    /// Keeps what the flight brings from being evicted until `letGo`.
    func keep(_ hold: Hold) { state.withLockedValue { $0.hold = hold } }

    /// Bytes of the file are not in the index and will not be.
    func leave(_ range: ByteRange) {
        guard !range.isEmpty else { return }
        state.withLockedValue { $0.left.append(range) }
    }

    /// - Returns: What was left: its room is to be given back.
    func letGo() -> [ByteRange] {
        // The hold goes away outside of the lock.
        let (_, left) = state.withLockedValue { state in
            defer { (state.hold, state.left) = (nil, []) }
            return (state.hold, state.left)
        }
        return left
    }

    /// A task of the flight. Cancelled at once when the order to stop came before it started.
    func attach(_ task: Task<Void, Never>) {
        let isCancelled = state.withLockedValue { state in
            state.tasks.append(task)
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }
}

/// Who carries out what the scheduler orders, and reports to the queue.
package protocol Pilot: Sendable {
    /// Look for the gap of an order, or open its entry.
    func begin(
        _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
        queue: FetchDispatcher)

    /// Fetch a range of an open entry.
    func fly(
        _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
        queue: FetchDispatcher)
}

/// Calls the closure once after a while, unless the program ends before.
package typealias Delay = @Sendable (Duration, @escaping @Sendable () -> Void) -> Void

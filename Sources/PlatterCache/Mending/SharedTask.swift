import NIOConcurrencyHelpers

/// Work that many ask for at once and that is done once for all of them.
final class SharedTask<Value: Sendable>: Sendable {
    private let executor: (any TaskExecutor)?
    private let underWay = NIOLockedValueBox<Task<Value, Never>?>(nil)

    /// - Parameter executor: Where the work is done: a task of its own does not inherit that.
    init(on executor: (any TaskExecutor)?) { self.executor = executor }

    /// Starts the work, or waits for the one under way.
    func run(_ work: @escaping @Sendable () async -> Value) async -> Value {
        let task = underWay.withLockedValue { underWay in
            if let underWay { return underWay }
            let task = Task(executorPreference: executor) { [self] in
                let value = await work()
                self.underWay.withLockedValue { $0 = nil }
                return value
            }
            underWay = task
            return task
        }
        return await task.value
    }
}

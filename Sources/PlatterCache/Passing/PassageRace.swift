import NIOConcurrencyHelpers
import PlatterCore
import PlatterOrigin

/// A question to an origin, and the same once more beside it when no answer comes: a connection that was kept may
/// have died without a word. As `FetchScheduler.overdue` does it for what is stored.
struct PassageRace: Sendable {
    typealias Answer = Result<OriginResponse, OriginError>

    let timers: PassageTimers
    let patience: Duration

    /// Whoever answers first, but a refusal of the second one: an origin may bear only one connection.
    ///
    /// - Parameter ask: Ends soon when its task is cancelled. Called twice at most.
    func run(_ ask: @escaping @Sendable () async -> Answer) async -> Answer {
        let due = timers.clock.now.advanced(by: patience)
        let hasSecond = NIOLockedValueBox(false)
        return await withTaskGroup(of: (isSecond: Bool, answer: Answer?).self) { group in
            group.addTask { (false, await ask()) }
            group.addTask {
                await timers.sleep(until: due)
                if Task.isCancelled { return (true, nil) }
                hasSecond.withLockedValue { $0 = true }
                return (true, await ask())
            }
            var (winner, other): (Answer?, Answer?)
            for await (isSecond, answer) in group {
                guard let answer else { continue }
                if winner == nil, Self.isGood(answer, isSecond) {
                    winner = answer
                } else {
                    other = Self.better(of: other, answer)
                }
                let isAlone = !isSecond && !hasSecond.withLockedValue { $0 }
                if winner != nil || isAlone { group.cancelAll() }
            }
            return winner ?? other ?? .failure(.cancelled)
        }
    }

    /// An answer says more than none.
    private static func better(of known: Answer?, _ new: Answer) -> Answer {
        guard let known else { return new }
        if case .success = known { return known }
        return new
    }

    private static func isGood(_ answer: Answer, _ isSecond: Bool) -> Bool {
        guard case .success(let response) = answer else { return false }
        return !isSecond || response.status < 400
    }
}

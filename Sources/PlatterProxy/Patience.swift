import NIOCore
import PlatterCache
import PlatterCore

/// The timer around `WaitDeadlines`: one wait for bytes, from its begin until bytes come or hope ends.
final class Patience {
    private let clock: any MonotonicClock
    private let loop: any EventLoop
    private let hedge: () -> Void
    private let giveUp: () -> Void
    private let isStuck: () -> Bool
    private let stuck: () -> Void
    private var deadlines: WaitDeadlines
    private var timer: Scheduled<Void>?

    /// How often it is looked whether the wait has become useless [1 s].
    private static let lookInterval = Duration.seconds(1)

    /// - Parameters:
    ///   - since: As of `WaitDeadlines`.
    ///   - isStuck: Whether what is waited for cannot come for now, whatever the origin sends.
    ///   - stuck: Called once in that case; the wait is over then.
    init(
        settings: WaitDeadlines.Settings, isHeadSent: Bool, since: Moment,
        clock: any MonotonicClock, loop: any EventLoop, hedge: @escaping () -> Void,
        giveUp: @escaping () -> Void, isStuck: @escaping () -> Bool,
        stuck: @escaping () -> Void
    ) {
        self.clock = clock
        self.loop = loop
        self.hedge = hedge
        self.giveUp = giveUp
        self.isStuck = isStuck
        self.stuck = stuck
        deadlines = WaitDeadlines(settings: settings, isHeadSent: isHeadSent, since: since)
    }

    func begin() {
        let (at, action) = deadlines.next
        let look = clock.now.advanced(by: Self.lookInterval)
        if look < at {
            schedule(look) { $0.look() }
        } else {
            schedule(at) { $0.passed(action) }
        }
    }

    private func schedule(_ at: Moment, _ action: @escaping (Patience) -> Void) {
        let delay = TimeAmount.nanoseconds(at.since(clock.now).nanosecondsClamped)
        timer = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            if let self { action(self) }
        }
    }

    private func look() {
        guard isStuck() else { return begin() }
        end()
        stuck()
    }

    func end() {
        timer?.cancel()
        timer = nil
    }

    private func passed(_ action: WaitDeadlines.Action) {
        deadlines.passed()
        switch action {
        case .hedge:
            hedge()
            begin()
        case .giveUp: giveUp()
        }
    }
}

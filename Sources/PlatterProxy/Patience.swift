import NIOCore
import PlatterCache
import PlatterCore

/// The timer around `WaitDeadlines`: one wait for bytes, from its begin until bytes come or hope ends.
final class Patience {
    private let clock: any MonotonicClock
    private let loop: any EventLoop
    private let hedge: () -> Void
    private let giveUp: () -> Void
    private var deadlines: WaitDeadlines
    private var timer: Scheduled<Void>?

    /// - Parameter since: As of `WaitDeadlines`.
    init(
        settings: WaitDeadlines.Settings, isHeadSent: Bool, since: Moment,
        clock: any MonotonicClock, loop: any EventLoop, hedge: @escaping () -> Void,
        giveUp: @escaping () -> Void
    ) {
        self.clock = clock
        self.loop = loop
        self.hedge = hedge
        self.giveUp = giveUp
        deadlines = WaitDeadlines(settings: settings, isHeadSent: isHeadSent, since: since)
    }

    func begin() {
        let (at, action) = deadlines.next
        let delay = TimeAmount.nanoseconds(at.since(clock.now).nanosecondsClamped)
        timer = loop.assumeIsolated().scheduleTask(in: delay) { [weak self] in
            self?.passed(action)
        }
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

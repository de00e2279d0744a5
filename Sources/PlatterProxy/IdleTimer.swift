import NIOCore

/// Ends what is idle for too long. To begin and to end an idle time costs nothing: one timer runs, and when it is due
/// it is looked how long that time really was.
///
/// Not Sendable: on its event loop.
final class IdleTimer {
    private let limit: TimeAmount
    private let loop: any EventLoop
    private let ended: () -> Void
    private var since: NIODeadline?
    private var timer: Scheduled<Void>?

    /// - Parameter ended: Called on the loop, once for each idle time that lasts as long as `limit`.
    init(limit: TimeAmount, loop: any EventLoop, ended: @escaping () -> Void) {
        self.limit = limit
        self.loop = loop
        self.ended = ended
    }

    /// An idle time begins, or begins anew.
    func begin() {
        since = loop.now
        if timer == nil { schedule(at: loop.now + limit) }
    }

    /// It is over.
    func end() { since = nil }

    /// It is over, and none will begin any more.
    func cancel() {
        since = nil
        timer?.cancel()
        timer = nil
    }

    private func schedule(at deadline: NIODeadline) {
        timer = loop.assumeIsolated().scheduleTask(deadline: deadline) { [weak self] in
            self?.look()
        }
    }

    private func look() {
        timer = nil
        guard let since else { return }
        guard loop.now >= since + limit else { return schedule(at: since + limit) }
        self.since = nil
        ended()
    }
}

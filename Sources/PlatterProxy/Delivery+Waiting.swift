import NIOCore
import PlatterCache
import PlatterCore
import PlatterStore

/// Waiting for bytes: how long, and what for.
extension Delivery {
    func wait() {
        if reader.isComparing {
            if isImpatient { return fail(.comparing) }
            if comparison == nil { startComparison() }
        } else {
            endComparison()
        }
        if patience == nil { startPatience() }
    }

    func endWait() {
        patience?.end()
        patience = nil
        endComparison()
    }

    /// It reads all of a run, and the origin may be quicker than the disk.
    private func startComparison() {
        let loop = channel.eventLoop.assumeIsolated()
        comparison = loop.scheduleTask(in: DiskWork.deadline) { [weak self] in
            guard let self else { return }
            isImpatient = true
            fail(.comparing)
        }
    }

    private func endComparison() {
        comparison?.cancel()
        comparison = nil
    }

    private func startPatience() {
        let patience = Patience(
            settings: services.readers.waits, isHeadSent: isHeadSent,
            since: isHeadSent ? services.readers.clock.now : begun, clock: services.readers.clock,
            loop: channel.eventLoop,
            hedge: { [reader] in reader.hedge() }, giveUp: { [weak self] in self?.timedOut() },
            isStuck: { [services] in services.latency.isSlow },
            stuck: { [weak self] in self?.fail(.slowDisk) })
        self.patience = patience
        patience.begin()
    }
}

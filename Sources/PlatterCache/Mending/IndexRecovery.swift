package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// Notices that the index has been lost, or the whole cache folder, or that the disk does not give the index any
/// more, and makes another one in the background. Until then every request goes straight to the origin (REQUIREMENTS F3).
package final class IndexRecovery: Sendable {
    /// How often it is looked whether the folder and the file are still in their places [1 s].
    private static let lookInterval = Duration.seconds(1)
    /// Between two tries to make an index anew: the first [100 ms], doubled up to the longest [10 s].
    private static let firstPause = Duration.milliseconds(100)
    private static let longestPause = Duration.seconds(10)

    private let index: IndexWriter
    private let disk: any Disk
    private let executor: any TaskExecutor
    private let delay: Delay
    private let clock: any MonotonicClock
    private let log: Logger
    private let lost: @Sendable () -> Void
    private let renewed: @Sendable () async -> Void
    private let isStopped = NIOLockedValueBox(false)
    private let renewal = NIOLockedValueBox(Renewal())
    private let rule = NIOLockedValueBox(DeadIndexRule())

    /// One at a time: a second one would give up what the first has just made.
    private struct Renewal {
        var isUnderWay = false
        /// The index was lost again meanwhile.
        var isWantedAgain = false

        /// - Returns: Whether it is to be begun.
        mutating func begin() -> Bool {
            defer { (isUnderWay, isWantedAgain) = (true, isUnderWay) }
            return !isUnderWay
        }

        /// - Returns: Whether another one is to be begun.
        mutating func end() -> Bool {
            defer { (isUnderWay, isWantedAgain) = (isWantedAgain, false) }
            return isWantedAgain
        }
    }

    /// - Parameters:
    ///   - executor: Threads that may block.
    ///   - lost: The index is gone: what is known of it is to be forgotten.
    ///   - renewed: There is an index again.
    package init(
        index: IndexWriter, disk: any Disk, executor: any TaskExecutor,
        delay: @escaping Delay, clock: any MonotonicClock, log: Logger,
        lost: @escaping @Sendable () -> Void, renewed: @escaping @Sendable () async -> Void
    ) {
        self.index = index
        self.disk = disk
        self.executor = executor
        self.delay = delay
        self.clock = clock
        self.log = log
        self.lost = lost
        self.renewed = renewed
    }

    /// Begins to watch over the index, and makes one at once if there is none.
    package func start() {
        index.whenLost { [weak self] error in self?.begin(error) }
        if let loss = index.loss { begin(loss) }
        lookLater()
    }

    /// No new index is made from now on.
    package func stop() { isStopped.withLockedValue { $0 = true } }

    private func lookLater() {
        delay(Self.lookInterval) { [weak self] in
            guard let self, !isStopped.withLockedValue({ $0 }) else { return }
            Task(executorPreference: executor) {
                // A single look that fails says nothing.
                self.index.look(isFolderGone: !self.disk.isInPlace && !self.disk.isInPlace)
                if self.index.lookForLoss() {
                    self.log.error(
                        "The disk did not keep what was written of the index; all is checked before it is used"
                    )
                }
                self.examineIfDue()
                self.lookLater()
            }
        }
    }

    private func examineIfDue() {
        // Another try to open it is a trial of its own.
        guard index.loss == nil else { return }
        let isDue = rule.withLockedValue { rule in
            if index.takeFailure() { rule.failed() }
            return rule.beginsTrial(now: clock.now)
        }
        // Nothing else waits for it.
        if isDue { Task(executorPreference: executor) { await self.examine() } }
    }

    /// Reads all of the index, which has failed.
    private func examine() async {
        let epoch = try? index.life.epoch
        let isDead = judge(await index.examine())
        if isDead, let epoch { index.condemn(epoch, because: Self.deadReason) }
    }

    private static let deadReason = "the disk cannot read or write a part of the index any more"

    /// - Returns: Whether the index is dead.
    private func judge(_ found: IndexWriter.Examination) -> Bool {
        let trial: DeadIndexRule.Trial =
            switch found {
            case .passed: .passed
            case .failed: disk.isInPlace && disk.isWell ? .failed : .unknown
            case .unknown: .unknown
            }
        return rule.withLockedValue { $0.ended(trial, now: clock.now) }
    }

    private func begin(_ error: IndexError) {
        log.critical(
            "The index cannot be used; all requests go to the origin until there is another one",
            metadata: ["error": "\(error)"])
        lost()
        guard renewal.withLockedValue({ $0.begin() }) else { return }
        Task(executorPreference: executor) { await self.renew(pause: Self.firstPause) }
    }

    private func renew(pause: Duration) async {
        if isStopped.withLockedValue({ $0 }) { return }
        guard index.loss != nil else { return await ended() }
        do throws(DiskError) {
            if try disk.restore() { log.notice("The cache folder can be used again") }
        } catch {
            return renewLater(pause, because: error)
        }
        do throws(IndexError) {
            try await index.renew()
        } catch {
            if error.code == .closed { return }
            if error.code == .full, disk.dropBallast() { return await renew(pause: pause) }
            if error.isOfDisk, judge(.failed) {
                index.condemnUnopened(because: Self.deadReason)
                return await renew(pause: Self.firstPause)
            }
            return renewLater(pause, because: error)
        }
        log.notice("The index is in use again")
        // What was kept for a full disk went with the folder, or was given up for the index.
        disk.takeBallast()
        await renewed()
        await ended()
    }

    private func ended() async {
        if renewal.withLockedValue({ $0.end() }) { await renew(pause: Self.firstPause) }
    }

    private func renewLater(_ pause: Duration, because error: any Error) {
        log.error("No index can be made yet", metadata: ["error": "\(error)", "retry": "\(pause)"])
        delay(pause) { [weak self] in
            guard let self else { return }
            Task(executorPreference: executor) {
                await self.renew(pause: min(pause * 2, Self.longestPause))
            }
        }
    }
}

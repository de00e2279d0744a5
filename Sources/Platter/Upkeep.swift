import Logging
import NIOConcurrencyHelpers
import NIOPosix
import PlatterCache
import PlatterCore
import PlatterStore

/// What goes on by itself: the watch over the index and the disk, the sweeps, the scrub.
struct Upkeep: Sendable {
    let damage: DamageWatch
    let scrub: Scrub
    private let recovery: IndexRecovery
    private let sweep: OrphanSweep
    private let lostFiles: LostFileSweep
    private let store: Store
    private let evictor: Evictor
    private let executor: IOExecutor
    private let scrubRate: Int64?
    /// Files may have gone: entries without them are looked for before the hour is over.
    private let isTidyDue = NIOLockedValueBox(false)
    private let tasks = NIOLockedValueBox<[Task<Void, Never>]>([])

    /// Between two rounds of the scrub [1 day].
    private static let scrubInterval = Duration.seconds(86_400)
    /// Between two rounds of what is put right in the background [1 h].
    private static let tidyInterval = Duration.seconds(3600)
    /// Between two looks whether that is due before [1 min].
    private static let tidyLook = Duration.seconds(60)
    /// Between two trials of a slow disk [1 s].
    private static let attemptInterval = Duration.seconds(1)
    /// Between two looks at how full the disk is [5 s to 1 min].
    private static let diskLooks = Duration.seconds(5)...Duration.seconds(60)

    init(
        _ configuration: PlatterConfiguration, store: Store, table: EntryTable, evictor: Evictor,
        prefetcher: Prefetcher, damage: DamageWatch, admission: Admission, delay: @escaping Delay,
        executor: IOExecutor, log: Logger
    ) {
        self.store = store
        self.evictor = evictor
        self.executor = executor
        self.damage = damage
        scrubRate = configuration.scrubRate
        // One for all that is done seldom: it would hold a lost index open, but the sweep of orphans asks as soon
        // as there is another one.
        let search = IndexSearch(reader: store.index.makeReader())
        let sweep = OrphanSweep(
            disk: store.disk, search: search, evictor: evictor, table: table, log: log)
        lostFiles = LostFileSweep(disk: store.disk, search: search, evictor: evictor, log: log)
        scrub = Scrub(
            index: store.index, search: search, disk: store.disk, evictor: evictor, log: log)
        recovery = IndexRecovery(
            index: store.index, disk: store.disk, executor: executor, delay: delay,
            clock: SystemClock(), log: log,
            lost: { [table] in table.forgetAll() },
            renewed: { [prefetcher, store, isTidyDue] in
                admission.reopen()
                // It may be the old one, which could not be opened before.
                store.index.recall(to: System.wallClock()) { _ in }
                await evictor.restart()
                await prefetcher.restart()
                await sweep.run()
                // The folder may have been made again, under an index that knows files of before.
                isTidyDue.withLockedValue { $0 = true }
            })
        self.sweep = sweep
    }

    func start() {
        recovery.start()
        store.disk.takeBallast()
        var started = [Task(executorPreference: executor) { [sweep] in _ = await sweep.run() }]
        started.append(Task(executorPreference: executor) { await tidyForEver() })
        if let scrubRate {
            started.append(Task(executorPreference: executor) { await scrubForEver(at: scrubRate) })
        }
        started.append(Task(executorPreference: executor) { await attemptForEver() })
        started.append(Task(executorPreference: executor) { await lookAtDiskForEver() })
        tasks.withLockedValue { [started] in $0 = started }
    }

    /// While the disk is left alone, somebody has to find out when it is quick again.
    private func attemptForEver() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.attemptInterval)
            guard store.latency.isSlow else { continue }
            store.latency.attempt { () throws(DiskError) in try store.disk.attempt() }
        }
    }

    /// Others may fill the disk while nothing is stored. Room that is given back shows late on some file systems:
    /// as long as there is too little the looks become rarer.
    private func lookAtDiskForEver() async {
        var pause = Self.diskLooks.lowerBound
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard !store.latency.isSlow, evictor.lookAtDisk() else {
                pause = Self.diskLooks.lowerBound
                continue
            }
            pause = min(pause * 2, Self.diskLooks.upperBound)
        }
    }

    private func tidyForEver() async {
        while !Task.isCancelled {
            if !store.latency.isSlow {
                await lostFiles.run()
                // The clock may have been ahead for a while.
                store.index.recall(to: System.wallClock()) { _ in }
            }
            var rest = Self.tidyInterval
            while rest > .zero, !Task.isCancelled, !takeTidyDue() {
                try? await Task.sleep(for: Self.tidyLook)
                rest -= Self.tidyLook
            }
        }
    }

    private func takeTidyDue() -> Bool {
        isTidyDue.withLockedValue { isDue in
            defer { isDue = false }
            return isDue
        }
    }

    func stop() {
        recovery.stop()
        for task in tasks.withLockedValue({ $0 }) { task.cancel() }
    }

    private func scrubForEver(at bytesPerSecond: Int64) async {
        let gate = BandwidthGate(
            BandwidthLimit(bytesPerSecond: bytesPerSecond), clock: SystemClock())
        while !Task.isCancelled {
            // What stands in the way of one round may have gone before the next.
            _ = try? await scrub.run(
                repairs: true, pause: { gate.take($0, isBackground: false) },
                found: { damage.found($0) })
            try? await Task.sleep(for: Self.scrubInterval)
        }
    }
}

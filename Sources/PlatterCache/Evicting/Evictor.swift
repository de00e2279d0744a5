package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// Keeps the cache below its size. The shell around `EvictionTrigger` and `EvictionPolicy`: it is told
/// of everything that is recorded, and frees room in a task of its own, one round at a time.
package final class Evictor: Sendable {
    /// After a round that could not free enough, the next one waits at least this long [1 s].
    static let rest = Duration.seconds(1)

    let making: SharedTask<Bool>
    let shrinking: SharedTask<Result<Int64, IndexError>>
    let removing: SharedTask<Bool>
    let policy: EvictionPolicy
    private let table: EntryTable
    let disk: any Disk
    let index: IndexWriter
    private let search: IndexSearch
    let clock: any MonotonicClock
    let wallClock: @Sendable () -> Int64
    let executor: (any TaskExecutor)?
    let delay: Delay
    private let log: Logger
    private let trigger: NIOLockedValueBox<EvictionTrigger>
    private let warnings = NIOLockedValueBox(Reminder())
    private let failures = NIOLockedValueBox(Reminder())
    /// When a flight last asked for room that nothing would make way for.
    let stuckAt = NIOLockedValueBox<Moment?>(nil)
    private let hasHoles = NIOLockedValueBox(true)
    private let losses = NIOLockedValueBox(LossNews())
    let pledges = RoomPledges()

    /// - Parameters:
    ///   - recorded: The bytes in the index now.
    ///   - search: Its own: a round asks much, and others shall not wait for it.
    ///   - executor: Threads that may block.
    package init(
        settings: EvictionPolicy.Settings, recorded: Int64, table: EntryTable, disk: any Disk,
        index: IndexWriter, search: IndexSearch, clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, executor: (any TaskExecutor)?,
        delay: @escaping Delay, log: Logger
    ) {
        policy = EvictionPolicy(settings: settings)
        making = SharedTask(on: executor)
        shrinking = SharedTask(on: executor)
        removing = SharedTask(on: executor)
        trigger = NIOLockedValueBox(EvictionTrigger(total: recorded))
        self.table = table
        self.disk = disk
        self.index = index
        self.search = search
        self.clock = clock
        self.wallClock = wallClock
        self.executor = executor
        self.delay = delay
        self.log = log
        table.spans.whenReleased { [weak self] in self?.perform { $0.released() } }
    }

    // MARK: - Events

    /// Bytes were added to the index. Called on any thread; returns at once.
    package func recorded(_ bytes: Int64) { perform { $0.recorded(bytes) } }

    /// Look now: at the start, when the limit may be lower than before, and when the disk is full.
    package func look() { perform { $0.disturb() } }

    /// Others may have filled the disk while nothing was recorded. Looks only if room has to be made.
    ///
    /// - Returns: Whether it has.
    package func lookAtDisk() -> Bool {
        let now = usage()
        guard policy.isShortOfDisk(now), policy.bytesToFree(now) > 0 else { return false }
        perform { $0.shortOfDisk() }
        return true
    }

    /// The index is another one.
    package func restart() async {
        // What it cannot be asked now it is asked in the round.
        try? await measure()
        look()
    }

    /// The bytes that the cache may take now: as the settings say, or less where the disk is small.
    package var limit: Int64 { policy.limit(usage()) }

    private func perform(_ event: (inout EvictionTrigger) -> EvictionTrigger.Action) {
        switch trigger.withLockedValue(event) {
        case .nothing: break
        case .look: Task(executorPreference: executor) { await self.round() }
        case .rest: delay(Self.rest) { [weak self] in self?.perform { $0.rested() } }
        }
    }

    // MARK: - A round

    private func round() async {
        var left: Int64 = 0
        do throws(IndexError) {
            left = try await shrinking.run { await self.shrink() }.get()
        } catch {
            // The index was closed under it: the server stops.
            if error.code == .closed { return }
            if failures.withLockedValue({ $0.isDue(now: clock.now) }) {
                log.error("Eviction failed", metadata: ["error": "\(error)"])
            }
            left = 1
            // Nobody else may ever ask again: the next try comes after the rest.
            look()
        }
        let now = usage()
        if left > 0, now.taken > policy.limit(now) {
            warn("The cache is larger than it should be: all in it is pinned or being read", now)
        }
        perform { $0.ended(threshold: policy.threshold(now), isOver: left > 0) }
    }

    /// Brings the cache back below its limit.
    ///
    /// - Parameter bytes: Are to be added soon; nil when nobody asks for any.
    /// - Returns: The bytes that could not be freed.
    func shrink(for bytes: Int64? = nil) async -> Result<Int64, IndexError> {
        do throws(IndexError) {
            noteHoles()
            var toFree = bytesToFree(for: bytes)
            // The count of runs is never too low but may be too high; what files take beyond them is only
            // known to the disk.
            guard toFree > 0 || !disk.punchesHoles else { return .success(0) }
            try await measure()
            toFree = bytesToFree(for: bytes)
            guard toFree > 0 else { return .success(0) }
            return .success(try await free(toFree, forDisk: policy.isShortOfDisk(usage())))
        } catch {
            return .failure(error)
        }
    }

    private func bytesToFree(for bytes: Int64?) -> Int64 {
        let now = usage()
        return bytes.map { policy.bytesToFree(for: $0, now) } ?? policy.bytesToFree(now)
    }

    private func measure() async throws(IndexError) {
        let mark = trigger.withLockedValue { $0.mark }
        let recorded = try await search.read { (index) throws(IndexError) in
            try index.totalRecordedBytes()
        }
        let unrecorded = disk.punchesHoles ? 0 : try await makePass().unrecordedBytes()
        trigger.withLockedValue { $0.measured(recorded.addingClamped(unrecorded), since: mark) }
    }

    /// Says once that the file system has no holes.
    func noteHoles() {
        let hasHoles = disk.punchesHoles
        let isNew = self.hasHoles.withLockedValue { known in
            defer { known = hasHoles }
            return known != hasHoles
        }
        guard isNew, !hasHoles else { return }
        log.notice(
            "The file system cannot punch holes: whole entries are evicted, not parts of them")
        // What counts against the limit is another sum now.
        look()
    }

    /// - Parameter isForDisk: The disk is short of room; else the cache has reached its size.
    /// - Returns: The bytes that could not be freed.
    func free(_ bytes: Int64, forDisk isForDisk: Bool) async throws(IndexError) -> Int64 {
        var pass = makePass()
        let left: Int64
        do {
            left = try await pass.free(bytes)
        } catch {
            // Rows are deleted before bytes are, and that takes some room itself.
            guard error.code == .full, disk.dropBallast() else { throw error }
            left = try await pass.free(bytes)
        }
        disk.takeBallast()
        noteHoles()
        // What went with the files was more than what was recorded.
        if !disk.punchesHoles { try await measure() }
        log.debug(
            "Evicted", metadata: ["wanted": "\(bytes)", "left": "\(left)"])
        if isForDisk { tellLoss(of: bytes - max(0, left)) }
        return left
    }

    /// A cache that shrinks without having reached its size is a riddle to its owner.
    private func tellLoss(of bytes: Int64) {
        let now = clock.now
        guard let lost = losses.withLockedValue({ $0.lost(bytes, now: now) }) else { return }
        let usage = usage()
        log.notice(
            "The disk is short of room: what was used least recently is given up",
            metadata: [
                "bytes": "\(lost)", "free": "\(usage.free)", "limit": "\(policy.limit(usage))",
            ])
    }

    func makePass() -> EvictionPass {
        EvictionPass(
            policy: policy, table: table, disk: disk, index: index, search: search,
            wallClock: wallClock, log: log,
            count: EvictionCount(
                mark: { [trigger] in trigger.withLockedValue { $0.mark } },
                dropped: { [trigger] bytes, mark in
                    trigger.withLockedValue { $0.dropped(bytes, since: mark) }
                }))
    }

    func usage() -> EvictionPolicy.Usage {
        let total = trigger.withLockedValue { $0.total }
        do {
            let space = try disk.space()
            // Some file systems do not say how large they are.
            if space.total > 0 {
                return .init(
                    taken: total, free: space.free, total: space.total,
                    punchesHoles: disk.punchesHoles)
            }
        } catch {
            log.warning("The free space is not known", metadata: ["error": "\(error)"])
        }
        // Then only the maximum counts.
        return .init(taken: total, free: .max, total: 0, punchesHoles: disk.punchesHoles)
    }

    func warn(_ message: Logger.Message, _ usage: EvictionPolicy.Usage) {
        guard warnings.withLockedValue({ $0.isDue(now: clock.now) }) else { return }
        log.warning(
            message,
            metadata: [
                "taken": "\(usage.taken)", "limit": "\(policy.limit(usage))",
                "free": "\(usage.free)",
            ])
    }
}

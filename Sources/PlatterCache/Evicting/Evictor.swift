package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// Keeps the cache below its size. The shell around `EvictionTrigger` and `EvictionPolicy`: it is told
/// of everything that is recorded, and frees room in a task of its own, one round at a time.
package final class Evictor: Sendable {
    /// After a round that could not free enough, the next one waits at least this long [1 s].
    private static let rest = Duration.seconds(1)
    /// A cache that is too large is mentioned once in this time [60 s].
    private static let warningInterval = Duration.seconds(60)

    /// At least so much is freed when the disk is full [16 MiB].
    private static let leastRoom: Int64 = 16 << 20

    private let making: SharedTask<Bool>
    private let shrinking: SharedTask<Result<Int64, IndexError>>
    private let removing: SharedTask<Bool>
    private let policy: EvictionPolicy
    private let table: EntryTable
    private let disk: any Disk
    private let index: IndexWriter
    private let search: IndexSearch
    private let clock: any MonotonicClock
    private let wallClock: @Sendable () -> Int64
    private let executor: (any TaskExecutor)?
    private let delay: Delay
    private let log: Logger
    private let trigger: NIOLockedValueBox<EvictionTrigger>
    private let warnedAt = NIOLockedValueBox<Moment?>(nil)
    /// When a flight last asked for room that nothing would make way for.
    private let stuckAt = NIOLockedValueBox<Moment?>(nil)
    private let hasHoles = NIOLockedValueBox(true)
    private let pledges = RoomPledges()

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

    /// The index is another one.
    package func restart() async {
        // What it cannot be asked now it is asked in the round.
        try? await measure()
        look()
    }

    /// The bytes that the cache may take now: as the settings say, or less where the disk is small.
    package var limit: Int64 { policy.limit(usage()) }

    /// The disk has refused bytes for want of room, whatever it says of itself.
    ///
    /// - Returns: Whether some was made.
    package func makeRoom() async -> Bool {
        await makeRoom { [policy] in policy.bytesLackingWhenRefused($0) }
    }

    /// - Parameter lacking: What has to go.
    private func makeRoom(
        _ lacking: @escaping @Sendable (EvictionPolicy.Usage) -> Int64
    ) async -> Bool {
        await making.run { [self] in
            let wanted = max(lacking(usage()), Self.leastRoom)
            let left = (try? await free(wanted)) ?? wanted
            return left < wanted
        }
    }

    /// Whether so many bytes may be written without using up the disk's reserve, and without passing the
    /// limit where nothing could be taken away again. Makes room if need be.
    ///
    /// - Returns: nil when there is no room. Else nobody else is promised the same room for as long as
    ///   this is held.
    package func pledge(of bytes: Int64) async -> RoomPledge? {
        if let pledge = pledgeNow(bytes) { return pledge }
        if leavesReserve(bytes) {
            if isStuck { return nil }
            // The round under way may be one that knows nothing of these bytes.
            for _ in 1...2 where policy.bytesToFree(for: bytes, usage()) > 0 {
                _ = await shrinking.run { await self.shrink(for: bytes) }
            }
        } else {
            let isMade = await makeRoom { [policy, pledges] usage in
                let lacking = policy.bytesLacking(
                    for: pledges.total.addingClamped(bytes), usage)
                // Mere promises are no reason to take more than is lacking.
                return policy.leavesReserve(bytes, usage)
                    ? lacking : max(lacking, policy.bytesLackingWhenRefused(usage))
            }
            guard isMade else { return nil }
        }
        if let pledge = pledgeNow(bytes) { return pledge }
        if leavesReserve(bytes) {
            stuckAt.withLockedValue { $0 = clock.now }
            warn("The cache is full and keeps nothing new: all in it is pinned or in use", usage())
        }
        return nil
    }

    private func pledgeNow(_ bytes: Int64) -> RoomPledge? {
        let now = usage()
        return pledges.make(of: bytes) { policy.fits(bytes, pledged: $0, now) }
    }

    private func leavesReserve(_ bytes: Int64) -> Bool {
        policy.leavesReserve(pledges.total.addingClamped(bytes), usage())
    }

    /// Nothing could go a moment ago: what many flights ask for must not cost a round each.
    private var isStuck: Bool {
        stuckAt.withLockedValue { $0.map { clock.now.since($0) < Self.rest } ?? false }
    }

    /// Gives back the room of bytes that are in a file but not in the index, as a fetch leaves them that
    /// could not record them. Does nothing where somebody needs them, or where some are recorded.
    package func giveBack(_ range: ByteRange, of record: EntryRecord) async {
        // What cannot be given back now is when the entry goes.
        try? await makePass().punch(range, of: record)
        noteHoles()
    }

    /// The same for all of a file, when it takes more of the disk than is recorded of it.
    package func trim(_ record: EntryRecord) async {
        try? await makePass().trim(record)
        noteHoles()
    }

    /// No file can be made: removes the least valuable entry, and with it its file.
    package func removeEntry() async -> Bool {
        await removing.run { [self] in
            var pass = makePass()
            return (try? await pass.removeOne()) ?? false
        }
    }

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
            log.error("Eviction failed", metadata: ["error": "\(error)"])
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
    private func shrink(for bytes: Int64? = nil) async -> Result<Int64, IndexError> {
        do throws(IndexError) {
            noteHoles()
            var toFree = bytesToFree(for: bytes)
            // The count of runs is never too low but may be too high; what files take beyond them is only
            // known to the disk.
            guard toFree > 0 || !disk.punchesHoles else { return .success(0) }
            try await measure()
            toFree = bytesToFree(for: bytes)
            return .success(toFree > 0 ? try await free(toFree) : 0)
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
    private func noteHoles() {
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

    private func free(_ bytes: Int64) async throws(IndexError) -> Int64 {
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
        return left
    }

    private func makePass() -> EvictionPass {
        EvictionPass(
            policy: policy, table: table, disk: disk, index: index, search: search,
            wallClock: wallClock, log: log,
            count: EvictionCount(
                mark: { [trigger] in trigger.withLockedValue { $0.mark } },
                dropped: { [trigger] bytes, mark in
                    trigger.withLockedValue { $0.dropped(bytes, since: mark) }
                }))
    }

    private func usage() -> EvictionPolicy.Usage {
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

    private func warn(_ message: Logger.Message, _ usage: EvictionPolicy.Usage) {
        let now = clock.now
        let isDue = warnedAt.withLockedValue { last in
            if let last, now.since(last) < Self.warningInterval { return false }
            last = now
            return true
        }
        guard isDue else { return }
        log.warning(
            message,
            metadata: [
                "taken": "\(usage.taken)", "limit": "\(policy.limit(usage))",
                "free": "\(usage.free)",
            ])
    }
}

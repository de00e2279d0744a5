import HTTPTypes
package import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP
package import PlatterStore

/// What people asked for: fetched at medium priority, and written down so that a restart goes on with
/// it (REQUIREMENTS B7).
package final class Prefetcher: Sendable {
    private static let client = ClientID("prefetch")
    /// One request of a prefetch [8 MiB].
    private static let stride: Int64 = 8 << 20
    /// Seconds until one that failed is tried again, doubled with each failure [1 minute to 6 hours]. One
    /// that the origin refuses waits for the longest time at once.
    private static let retryAfter: Int64 = 60
    private static let longestRetry: Int64 = 6 * 3600
    /// The same where the origin has another version: there is nothing to wait for [1 s].
    private static let changedRetry: Int64 = 1

    private let queue: FetchDispatcher
    private let table: EntryTable
    private let index: IndexWriter
    private let search: IndexSearch
    private let evictor: Evictor
    private let wallClock: @Sendable () -> Int64
    private let executor: (any TaskExecutor)?
    private let delay: Delay
    private let log: Logger
    /// The try of each wish that counts: what an older one has to say is not listened to.
    private let attempts = NIOLockedValueBox<[QueuedDownload.ID: Attempt]>([:])

    /// One try, from its start until the next one.
    private struct Attempt: Hashable {
        let demand: DemandID
    }

    /// - Parameter executor: Threads that may block.
    package init(
        queue: FetchDispatcher, table: EntryTable, index: IndexWriter, search: IndexSearch,
        evictor: Evictor, wallClock: @escaping @Sendable () -> Int64,
        executor: (any TaskExecutor)?, delay: @escaping Delay, log: Logger
    ) {
        self.queue = queue
        self.table = table
        self.index = index
        self.search = search
        self.evictor = evictor
        self.wallClock = wallClock
        self.executor = executor
        self.delay = delay
        self.log = log
    }

    /// Writes the wish down and starts on it.
    package func prefetch(_ resource: Resource) async throws(IndexError) {
        let download = try await index.enqueue(
            NewDownload(
                key: resource.key, url: resource.url.description, createdAt: wallClock()))
        await start(download, resource)
    }

    /// The index is another one: what was being fetched is begun again, as far as it knows of it.
    package func restart() async {
        let last = attempts.withLockedValue { attempts in
            defer { attempts = [:] }
            return Array(attempts.values)
        }
        for attempt in last { queue.leave(attempt.demand) }
        await resume()
    }

    /// Goes on with what was written down. Wishes whose URL needs header fields wait until they are
    /// registered again: the fields are not kept.
    package func resume() async {
        do {
            for download in try await index.downloads() {
                guard let url = try? OriginURL(download.download.url) else { continue }
                let resource = Resource(url, fields: [:])
                guard resource.key == download.download.key else { continue }
                await startWhenDue(download, resource)
            }
        } catch {
            log.error("The download queue cannot be read", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - Tries

    private func startWhenDue(_ download: QueuedDownload, _ resource: Resource) async {
        let (pause, isOver) = download.nextAttemptAt.subtractingReportingOverflow(wallClock())
        guard !isOver, pause > 0 else { return await start(download, resource) }
        let attempt = begin(download.id)
        // A clock that was wrong once, or is now, keeps nobody waiting for longer than the longest pause.
        let isLongest = pause >= Self.longestRetry
        delay(.seconds(min(pause, Self.longestRetry))) { [executor] in
            Task(executorPreference: executor) {
                await self.retry(download.id, attempt, resource, isDue: isLongest)
            }
        }
    }

    /// The wish may have been fulfilled or changed since.
    ///
    /// - Parameter isDue: Whatever the clock on the wall says.
    private func retry(
        _ id: QueuedDownload.ID, _ attempt: Attempt, _ resource: Resource, isDue: Bool = false
    ) async {
        guard isCurrent(attempt, of: id) else { return }
        do {
            let row = try await index.downloads().first { $0.id == id }
            guard let row else { return end(id, attempt) }
            if isDue { await start(row, resource) } else { await startWhenDue(row, resource) }
        } catch  where error.code == .closed {
            return
        } catch {
            log.error("The download queue cannot be read", metadata: ["error": "\(error)"])
        }
    }

    /// A new try takes the place of the last one.
    private func begin(_ id: QueuedDownload.ID) -> Attempt {
        let attempt = Attempt(demand: queue.nextDemand())
        let last = attempts.withLockedValue { $0.updateValue(attempt, forKey: id) }
        if let last { queue.leave(last.demand) }
        return attempt
    }

    private func isCurrent(_ attempt: Attempt, of id: QueuedDownload.ID) -> Bool {
        attempts.withLockedValue { $0[id] == attempt }
    }

    private func end(_ id: QueuedDownload.ID, _ attempt: Attempt) {
        attempts.withLockedValue { if $0[id] == attempt { $0[id] = nil } }
    }

    private func start(_ download: QueuedDownload, _ resource: Resource) async {
        let attempt = begin(download.id)
        let entry: Entry
        do {
            // Whoever wishes it may come from anywhere.
            entry = try await withTaskExecutorPreference(executor) {
                try await self.entry(of: resource)
            }
        } catch {
            log.error("A prefetch cannot start", metadata: ["error": "\(error)"])
            return await failed(download, attempt, resource, .store)
        }
        let wanted = download.download
        let range = wanted.start..<max(wanted.start, wanted.end ?? .max)
        let demand = Demand(
            entry: entry.handle, origin: resource.origin, client: Self.client, range: range,
            level: wanted.priority == .low ? .low : .medium, stride: Self.stride)
        queue.register(attempt.demand, demand, of: entry) { [executor] wakeup in
            switch wakeup {
            case .look: break
            case .complete:
                Task(executorPreference: executor) { await self.done(download, attempt) }
            case .failed(.stopped): break
            case .failed(let failure):
                Task(executorPreference: executor) {
                    await self.failed(download, attempt, resource, failure)
                }
            }
        }
    }

    /// - Parameter tries: How often an entry may be given up for want of its file.
    private func entry(of resource: Resource, tries: Int = 2) async throws -> Entry {
        let found = try await search.read { [table] reader throws(IndexError) in
            try table.find(resource, ask: reader.entry(for:))
        }
        switch found {
        case .unopened(let entry): return entry
        case .recorded(let record):
            do throws(DiskError) {
                return try table.entry(of: record, resource: resource)
            } catch {
                guard tries > 0, error.code.isForGood, try await evictor.giveUp(record) else {
                    throw error
                }
            }
            return try await entry(of: resource, tries: tries - 1)
        }
    }

    // MARK: - Ends

    private func done(_ download: QueuedDownload, _ attempt: Attempt) async {
        guard isCurrent(attempt, of: download.id) else { return }
        end(download.id, attempt)
        do {
            try await index.dequeue(download)
        } catch {
            log.error("The download queue cannot be written", metadata: ["error": "\(error)"])
        }
    }

    private func failed(
        _ download: QueuedDownload, _ attempt: Attempt, _ resource: Resource,
        _ failure: FetchFailure
    ) async {
        guard isCurrent(attempt, of: download.id) else { return }
        log.warning(
            "A prefetch failed", metadata: ["id": "\(download.id)", "reason": "\(failure)"])
        let next = wallClock().addingClamped(pause(after: failure, failures: download.attempts))
        do {
            try await index.noteFailure(
                of: download, error: "\(failure)", nextAttemptAt: next)
        } catch {
            return log.error(
                "The download queue cannot be written", metadata: ["error": "\(error)"])
        }
        await retry(download.id, attempt, resource)
    }

    /// Seconds.
    private func pause(after failure: FetchFailure, failures: Int64) -> Int64 {
        let doublings = min(max(0, failures), 16)
        let pause =
            switch failure {
            case .status: Self.longestRetry
            case .changed: Self.changedRetry << doublings
            case .unsatisfiable, .bypass, .store, .unreachable, .badCertificate, .stopped:
                Self.retryAfter << doublings
            }
        return min(pause, Self.longestRetry)
    }
}

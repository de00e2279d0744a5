import HTTPTypes
package import Logging
import PlatterCore
import PlatterHTTP
package import PlatterStore

/// What people asked for: fetched at medium priority, and written down so that a restart goes on with
/// it (REQUIREMENTS B7).
package struct Prefetcher: Sendable {
    private static let client = ClientID("prefetch")
    /// One request of a prefetch [8 MiB].
    private static let stride: Int64 = 8 << 20
    /// Seconds until one that failed is tried again, doubled with each failure [1 minute to 6 hours].
    private static let retryAfter: Int64 = 60
    private static let longestRetry: Int64 = 6 * 3600
    /// The same where the origin has another version: there is nothing to wait for [1 s].
    private static let changedRetry: Int64 = 1

    private let queue: FetchDispatcher
    private let table: EntryTable
    private let index: IndexWriter
    private let search: IndexSearch
    private let wallClock: @Sendable () -> Int64
    private let delay: Delay
    private let log: Logger

    package init(
        queue: FetchDispatcher, table: EntryTable, index: IndexWriter, search: IndexSearch,
        wallClock: @escaping @Sendable () -> Int64, delay: @escaping Delay, log: Logger
    ) {
        self.queue = queue
        self.table = table
        self.index = index
        self.search = search
        self.wallClock = wallClock
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

    private func startWhenDue(_ download: QueuedDownload, _ resource: Resource) async {
        let (pause, isOver) = download.nextAttemptAt.subtractingReportingOverflow(wallClock())
        // A clock that was wrong once keeps nobody waiting for longer than the longest pause.
        guard !isOver, pause > 0 else { return await start(download, resource) }
        delay(.seconds(min(pause, Self.longestRetry))) {
            Task { await retry(download.id, resource) }
        }
    }

    /// The wish may have been fulfilled or changed since.
    private func retry(_ id: QueuedDownload.ID, _ resource: Resource) async {
        do {
            guard let download = try await index.downloads().first(where: { $0.id == id }) else {
                return
            }
            await startWhenDue(download, resource)
        } catch  where error.code == .closed {
            return
        } catch {
            log.error("The download queue cannot be read", metadata: ["error": "\(error)"])
        }
    }

    private func start(_ download: QueuedDownload, _ resource: Resource) async {
        let entry: Entry
        do {
            let record = try await search.read { reader throws(IndexError) in
                try reader.entry(for: resource.key)
            }
            if let record {
                entry = try table.entry(of: record, resource: resource)
            } else {
                entry = table.opening(resource)
            }
        } catch {
            return log.error("A prefetch cannot start", metadata: ["error": "\(error)"])
        }
        let wanted = download.download
        let range = wanted.start..<max(wanted.start, wanted.end ?? .max)
        let demand = Demand(
            entry: entry.handle, origin: resource.origin, client: Self.client, range: range,
            level: wanted.priority == .low ? .low : .medium, stride: Self.stride)
        queue.register(queue.nextDemand(), demand, of: entry) { wakeup in
            switch wakeup {
            case .look: break
            case .complete: Task { await done(download) }
            case .failed(.stopped): break
            case .failed(let failure): Task { await failed(download, resource, failure) }
            }
        }
    }

    private func done(_ download: QueuedDownload) async {
        do {
            try await index.dequeue(download.id)
        } catch {
            log.error("The download queue cannot be written", metadata: ["error": "\(error)"])
        }
    }

    private func failed(
        _ download: QueuedDownload, _ resource: Resource, _ failure: FetchFailure
    ) async {
        log.warning(
            "A prefetch failed", metadata: ["id": "\(download.id)", "reason": "\(failure)"])
        let doublings = min(download.attempts, 16)
        let pause =
            failure == .changed
            ? Self.changedRetry << doublings : Self.retryAfter << doublings
        let next = wallClock().addingClamped(min(pause, Self.longestRetry))
        do {
            try await index.noteFailure(
                of: download.id, error: "\(failure)", nextAttemptAt: next)
        } catch {
            return log.error(
                "The download queue cannot be written", metadata: ["error": "\(error)"])
        }
        await retry(download.id, resource)
    }
}

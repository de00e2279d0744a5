package import Logging
package import PlatterCore
import PlatterHTTP
package import PlatterStore

/// What happens when the origin turns out to have another version of what an entry holds, whoever finds
/// out: who asks next opens that one.
package struct Succession: Sendable {
    private let table: EntryTable
    private let index: IndexWriter
    private let clock: any MonotonicClock
    private let wallClock: @Sendable () -> Int64
    private let log: Logger

    /// - Parameter wallClock: Seconds since 1970.
    package init(
        table: EntryTable, index: IndexWriter, clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, log: Logger
    ) {
        self.table = table
        self.index = index
        self.clock = clock
        self.wallClock = wallClock
        self.log = log
    }

    /// Says so, and counts how often it happens.
    ///
    /// - Parameter reason: By what the versions differ.
    func note(_ resource: Resource, reason: String) {
        log.notice(
            "The origin has another version",
            metadata: ["url": "\(resource.url.redacted)", "reason": "\(reason)"])
        table.superseded(resource.key)
    }

    /// Takes a version from the front. That is in the index before this returns, else its readers would
    /// start again with the old record.
    func end(_ opened: Entry.Opened, key: CacheKey) async {
        let (log, table, now) = (log, table, clock.now)
        index.supersede(opened.record.id, at: wallClock()) { result in
            guard case .failure(let error) = result else { return }
            // Its readers would find the old version again and again.
            table.bypass(key, now: now)
            log.error("The index cannot be written", metadata: ["error": "\(error)"])
        }
        // Fails as the command before it does, which was told.
        try? await index.flush()
        table.forget(opened.record.id)
    }
}

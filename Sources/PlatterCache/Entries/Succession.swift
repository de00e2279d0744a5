package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
import PlatterHTTP
package import PlatterStore

/// What happens when the origin turns out to have another version of what an entry holds, whoever finds
/// out: who asks next opens that one.
package struct Succession: Sendable {
    /// The index is waited for this long [5 s].
    private static let patience = Duration.seconds(5)

    private let table: EntryTable
    private let index: IndexWriter
    private let clock: any MonotonicClock
    private let wallClock: @Sendable () -> Int64
    private let delay: Delay
    private let log: Logger

    /// - Parameter wallClock: Seconds since 1970.
    package init(
        table: EntryTable, index: IndexWriter, clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, delay: @escaping Delay, log: Logger
    ) {
        self.table = table
        self.index = index
        self.clock = clock
        self.wallClock = wallClock
        self.delay = delay
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
    /// start again with the old record; but an index that hangs is not waited for.
    func end(_ id: EntryID, key: CacheKey) async {
        let (log, table, clock) = (log, table, clock)
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let waiting = NIOLockedValueBox<CheckedContinuation<Void, Never>?>(continuation)
            @Sendable func goOn() -> CheckedContinuation<Void, Never>? {
                waiting.withLockedValue { waiting in
                    defer { waiting = nil }
                    return waiting
                }
            }
            index.supersede(id, at: wallClock()) { result in
                let waiter = goOn()
                if case .failure(let error) = result {
                    // Its readers would find the old version again and again.
                    table.bypass(key, now: clock.now)
                    log.error("The index cannot be written", metadata: ["error": "\(error)"])
                }
                waiter?.resume()
            }
            delay(Self.patience) {
                guard let waiter = goOn() else { return }
                table.bypass(key, now: clock.now)
                log.error("The index is not written in time")
                waiter.resume()
            }
        }
        table.forget(id)
    }
}

package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// Writes down when entries were last read, so that eviction knows what is used least. Rarely: a
/// player that asks for a film in a thousand pieces is one use of it.
package final class AccessNotes: Sendable {
    /// Seconds between two notes of one entry [60].
    static let interval: Int64 = 60
    /// Entries whose last note is remembered [1024].
    static let limit = 1024

    private let index: IndexWriter
    private let wallClock: @Sendable () -> Int64
    private let log: Logger
    private let noted = NIOLockedValueBox<[EntryID: Int64]>([:])

    package init(
        index: IndexWriter, wallClock: @escaping @Sendable () -> Int64, log: Logger
    ) {
        self.index = index
        self.wallClock = wallClock
        self.log = log
    }

    /// A reader of the entry has closed.
    package func note(_ entry: EntryID) {
        let now = wallClock()
        let isDue = noted.withLockedValue { noted in
            // A clock that was set back must not silence it.
            if let last = noted[entry], last <= now, now - last < Self.interval { return false }
            if noted.count >= Self.limit {
                noted = noted.filter { $0.value <= now && now - $0.value < Self.interval }
                if noted.count >= Self.limit { noted = [:] }
            }
            noted[entry] = now
            return true
        }
        guard isDue else { return }
        index.touch([entry: now]) { [log] result in
            // After the end of the server there is nothing to write down.
            guard case .failure(let error) = result, error.code != .closed else { return }
            log.error("The index cannot be written", metadata: ["error": "\(error)"])
        }
    }
}

package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// The shell around `DamageRule`: told of every place on disk that is damaged without an explanation.
package final class DamageWatch: Sendable {
    private let rule = NIOLockedValueBox(DamageRule())
    private let index: IndexWriter
    private let table: EntryTable
    private let clock: any MonotonicClock
    private let wallClock: @Sendable () -> Int64
    private let log: Logger

    package init(
        index: IndexWriter, table: EntryTable, clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, log: Logger
    ) {
        self.index = index
        self.table = table
        self.clock = clock
        self.wallClock = wallClock
        self.log = log
    }

    /// Whether nothing on the disk is believed any more.
    package var isSuspect: Bool { rule.withLockedValue { $0.isSuspect } }

    /// - Parameter position: See `DamageRule.damaged`.
    package func damaged(_ entry: EntryID, at position: Int64) {
        let verdict = rule.withLockedValue { $0.damaged(entry, at: position, now: clock.now) }
        switch verdict {
        case .nothing: return
        case .quarantine: break
        case .suspect:
            log.critical(
                "The disk damages what is on it: nothing is stored or served from it any more",
                metadata: ["remedy": "check the disk, then run `platter verify` or restart"])
        }
        log.error("An entry is given up: its file is damaged", metadata: ["entry": "\(entry)"])
        table.forget(entry)
        // Its readers go on from the origin; its file goes with the rest of it, by eviction.
        index.drop(0..<Int64.max, of: entry) { _ in }
        index.supersede(entry, at: wallClock()) { _ in }
    }

    /// A scrub has found a damaged place.
    package func found(_ place: Scrub.Damage) {
        if place.isUnexplained { damaged(place.entry, at: place.range.lowerBound) }
    }

    /// From now on nothing that is recorded of the file is believed before it was compared with its
    /// checksum: somebody else has changed it, or the disk may have lost bytes of it.
    ///
    /// - Parameter noted: Called when the index has noted it, or cannot.
    package func distrust(
        _ opened: Entry.Opened, because doubt: Doubt,
        noted: @escaping @Sendable (Result<Void, IndexError>) -> Void = { _ in }
    ) {
        let file = opened.file
        // A look that fails finds nothing to accept: the next one finds it.
        let change = try? file.foreignChange()
        index.distrust(opened.record.id, because: doubt) { [log] result in
            switch result {
            case .success: if let change { file.accept(change) }
            case .failure(let error):
                log.error("The index cannot be written", metadata: ["error": "\(error)"])
            }
            noted(result)
        }
    }

    /// See `DamageRule.foundClean`.
    package func foundClean() { rule.withLockedValue { $0.foundClean() } }
}

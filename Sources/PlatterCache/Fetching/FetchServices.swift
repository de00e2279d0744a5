package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterOrigin
package import PlatterStore

/// What a flight needs: where bytes come from, where they go, and where that is written down.
package struct FetchServices: Sendable {
    package let origin: any Origin
    package let disk: any Disk
    package let index: IndexWriter
    package let search: IndexSearch
    package let table: EntryTable
    package let evictor: Evictor
    package let admission: Admission
    package let damage: DamageWatch
    package let settler: Settler
    package let bandwidth: BandwidthGate
    package let minimumRate: MinimumRate.Settings
    /// Origins whose weak or missing validators are taken at their word.
    package let trustedOrigins: Set<String>
    package let clock: any MonotonicClock
    package let wallClock: @Sendable () -> Int64
    package let delay: Delay
    /// Threads that may block.
    package let executor: any TaskExecutor
    /// Bytes of a chunk of entries to come.
    package let chunkLength: Int64
    package let log: Logger
    let flawNews = NIOLockedValueBox(FlawNews())

    package init(
        origin: any Origin, disk: any Disk, index: IndexWriter, search: IndexSearch,
        table: EntryTable, evictor: Evictor, admission: Admission, damage: DamageWatch,
        settler: Settler,
        bandwidth: BandwidthGate, minimumRate: MinimumRate.Settings = .init(),
        trustedOrigins: Set<String> = [],
        clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, delay: @escaping Delay,
        executor: any TaskExecutor, chunkLength: Int64,
        log: Logger
    ) {
        self.origin = origin
        self.disk = disk
        self.index = index
        self.search = search
        self.table = table
        self.evictor = evictor
        self.admission = admission
        self.damage = damage
        self.settler = settler
        self.bandwidth = bandwidth
        self.minimumRate = minimumRate
        self.trustedOrigins = trustedOrigins
        self.clock = clock
        self.wallClock = wallClock
        self.delay = delay
        self.executor = executor
        self.chunkLength = chunkLength
        self.log = log
    }

    /// For when the origin has another version.
    package var succession: Succession {
        Succession(
            table: table, index: index, clock: clock, wallClock: wallClock, delay: delay, log: log)
    }
}

/// The index as those ask it who are on no event loop.
package actor IndexSearch {
    private let reader: IndexReader

    package init(reader: sending IndexReader) {
        self.reader = reader
        reader.whenToLetGo { [weak self] in
            Task { await self?.letGo() }
        }
    }

    private func letGo() { reader.letGo() }

    /// The first bytes of `range` that are not on disk, nil when all are. Bytes that are still to be
    /// compared with their checksum count as present.
    package func firstGap(of entry: EntryID, in range: ByteRange) throws(IndexError) -> ByteRange? {
        try reader.firstGap(of: entry, in: range)
    }

    /// Where what is on disk begins and ends, ascending, for rows that begin at `position` or later, as far as it is
    /// told at once.
    func edges(of entry: EntryID, from position: Int64) throws(IndexError) -> [Int64] {
        try reader.runs(of: entry, from: position).flatMap { row in
            [row.run.range.lowerBound, row.run.range.upperBound]
        }
    }

    package func read<Value: Sendable>(
        _ body: (IndexReader) throws(IndexError) -> Value
    ) throws(IndexError) -> Value {
        try body(reader)
    }
}

extension IndexReader {
    /// See `IndexSearch.firstGap`.
    package func firstGap(of entry: EntryID, in range: ByteRange) throws(IndexError) -> ByteRange? {
        var position = range.lowerBound
        while position < range.upperBound {
            switch try presence(of: entry, at: position, upTo: range.upperBound) {
            case .present(let run): position = run.upperBound
            case .unverified(let run): position = max(position + 1, run.range.upperBound)
            case .absent(let gap): return gap
            }
        }
        return nil
    }
}

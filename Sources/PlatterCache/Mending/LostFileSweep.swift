package import Logging
import PlatterCore
package import PlatterStore

/// Forgets entries whose data files have gone: somebody has deleted them, or the disk has not kept them.
/// Else what the index says of them would count against the limit until somebody asks for them.
///
/// The other way round, files without an entry, is for `OrphanSweep`.
package struct LostFileSweep: Sendable {
    /// Entries that are looked at between two pauses [16], and how long those are [160 ms]: a hundred entries
    /// a second, so that others get at the disk.
    package static let pageLength = 16
    package static let pause = Duration.milliseconds(160)
    /// A file has gone when it is still missing after so long [60 s]: somebody may be putting a copy back.
    package static let grace = Duration.seconds(60)
    /// Files of which that is waited for together [4096].
    private static let suspectLimit = 4096
    /// Where so many are missing and not one is there [16], more has gone than files: what was mounted in the
    /// folder of the data files, perhaps, and will be again.
    private static let massLoss = 16

    private let disk: any Disk
    private let search: IndexSearch
    private let evictor: Evictor
    private let wait: @Sendable (Duration) async throws -> Void
    private let log: Logger

    /// - Parameter wait: For so long.
    package init(
        disk: any Disk, search: IndexSearch, evictor: Evictor,
        wait: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0)
        },
        log: Logger
    ) {
        self.disk = disk
        self.search = search
        self.evictor = evictor
        self.wait = wait
        self.log = log
    }

    /// Looks at all entries of which something is recorded, once. On a thread that may block.
    ///
    /// - Returns: The entries forgotten.
    @discardableResult
    package func run() async -> Int {
        var forgotten = 0
        do {
            try await walk(&forgotten)
        } catch is CancellationError {
            // The next round looks at the rest.
        } catch {
            // Without the index nobody knows which files there should be.
            log.warning(
                "Files that have gone could not be looked for", metadata: ["error": "\(error)"])
        }
        if forgotten > 0 {
            log.notice(
                "What the index said of files that have gone was forgotten",
                metadata: ["count": "\(forgotten)"])
        }
        return forgotten
    }

    private func walk(_ forgotten: inout Int) async throws {
        var last: Int64 = 0
        var suspects: [EntryRecord] = []
        var isAnyThere = false
        while true {
            let page = try await search.read { [last] (reader) throws(IndexError) in
                try reader.entriesWithRuns(limit: Self.pageLength, after: last)
            }
            let missing = page.filter { disk.hasLost($0.file) }
            suspects += missing
            isAnyThere = isAnyThere || missing.count < page.count
            if page.isEmpty || suspects.count >= Self.suspectLimit {
                if !isAnyThere, suspects.count >= Self.massLoss {
                    log.warning(
                        """
                        No data file is there; what the index says of them is kept, for the next start or for \
                        `platter verify --repair`
                        """)
                    return
                }
                try await forget(suspects, &forgotten)
                suspects = []
            }
            guard let end = page.last else { return }
            last = end.id.rawValue
            try await wait(Self.pause)
        }
    }

    private func forget(_ suspects: [EntryRecord], _ forgotten: inout Int) async throws {
        if !suspects.isEmpty { try await wait(Self.grace) }
        for record in suspects where disk.hasLost(record.file) {
            if try await evictor.removeLost(record) { forgotten += 1 }
            try await wait(Self.pause / Self.pageLength)
        }
    }
}

extension Disk {
    /// Whether a file is missing where it should be. Where the folder itself is not in its place nothing can
    /// be said of what was in it.
    func hasLost(_ name: DataFileName) -> Bool {
        isInPlace && lacksFile(name) && isInPlace
    }
}

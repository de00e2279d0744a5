package import Logging
import PlatterCore
package import PlatterStore

/// Removes data files that the index does not know: of an index that was lost, and those that a crash
/// left between a row and its file. A row is committed before its file is made, so a file without one
/// belongs to nobody. What a crash left in a file and not in the index is given back as well.
package struct OrphanSweep: Sendable {
    /// After each of the 256 folders [5 ms], so that others get at the disk.
    package static let pause = Duration.milliseconds(5)

    private let disk: any Disk
    private let search: IndexSearch
    private let evictor: Evictor
    private let table: EntryTable
    private let pause: Duration
    private let log: Logger

    package init(
        disk: any Disk, search: IndexSearch, evictor: Evictor, table: EntryTable,
        pause: Duration = Self.pause, log: Logger
    ) {
        self.table = table
        self.disk = disk
        self.search = search
        self.evictor = evictor
        self.pause = pause
        self.log = log
    }

    /// What a sweep has come to.
    private struct Outcome {
        var removed = 0
        /// Files and folders that did not let themselves be removed or read.
        var failed = 0
        var firstError: DiskError?

        mutating func note(_ error: DiskError) {
            failed += 1
            if firstError == nil { firstError = error }
        }
    }

    /// Looks through all folders once. On a thread that may block.
    ///
    /// - Returns: The files removed.
    @discardableResult
    package func run() async -> Int {
        var outcome = Outcome()
        for folder in UInt8.min...UInt8.max {
            do {
                try await sweep(folder, &outcome)
                if pause > .zero { try await Task.sleep(for: pause) }
            } catch is CancellationError {
                break
            } catch {
                // Without the index nobody knows what belongs to whom.
                log.warning(
                    "Files without an entry could not be looked for",
                    metadata: ["error": "\(error)"])
                break
            }
        }
        if let error = outcome.firstError {
            // What is not removed now is removed at the next start.
            log.warning(
                "Files without an entry could not be removed",
                metadata: ["count": "\(outcome.failed)", "error": "\(error)"])
        }
        if outcome.removed > 0 {
            log.notice(
                "Files without an entry were removed", metadata: ["count": "\(outcome.removed)"])
        }
        return outcome.removed
    }

    private func sweep(_ folder: UInt8, _ outcome: inout Outcome) async throws {
        let names: [DataFileName]
        do throws(DiskError) {
            names = try disk.fileNames(inFolder: folder)
        } catch {
            return outcome.note(error)
        }
        for name in names {
            let entry = try await search.read { (index) throws(IndexError) in
                try index.entry(with: name)
            }
            if let entry {
                await evictor.trim(entry)
                continue
            }
            do throws(DiskError) {
                try disk.removeFile(name)
                outcome.removed += 1
            } catch {
                // Eviction may have removed it at the same instant.
                guard error.code == .missing else {
                    outcome.note(error)
                    continue
                }
                outcome.removed += 1
            }
            // Who has it open reads on; who comes looks in the index.
            table.forget(ownerOf: name)
        }
    }
}

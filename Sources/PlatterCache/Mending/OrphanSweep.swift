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
    private let pause: Duration
    private let log: Logger

    package init(
        disk: any Disk, search: IndexSearch, evictor: Evictor, pause: Duration = Self.pause,
        log: Logger
    ) {
        self.disk = disk
        self.search = search
        self.evictor = evictor
        self.pause = pause
        self.log = log
    }

    /// Looks through all folders once. On a thread that may block.
    ///
    /// - Returns: The files removed.
    @discardableResult
    package func run() async -> Int {
        var removed = 0
        for folder in UInt8.min...UInt8.max {
            do {
                removed += try await sweep(folder)
                if pause > .zero { try await Task.sleep(for: pause) }
            } catch is CancellationError {
                break
            } catch {
                // What is not removed now is removed at the next start.
                log.warning(
                    "Files without an entry could not be looked for",
                    metadata: ["error": "\(error)"])
                break
            }
        }
        if removed > 0 {
            log.notice("Files without an entry were removed", metadata: ["count": "\(removed)"])
        }
        return removed
    }

    private func sweep(_ folder: UInt8) async throws -> Int {
        let names = try disk.fileNames(inFolder: folder)
        guard !names.isEmpty else { return 0 }
        var removed = 0
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
            } catch {
                // Eviction may have removed it at the same instant.
                if error.code != .missing { throw error }
            }
            removed += 1
        }
        return removed
    }
}

import Foundation
import Logging
package import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// A scrub as people are shown it. Used by the admin interface and, where no server runs, by the
/// command line itself.
package enum VerificationViews {
    /// Compares everything in a cache folder that no server uses. Logs nothing: the report says it all.
    ///
    /// - Parameter repairs: An index that is damaged is set aside, and an empty one takes its place.
    /// - Throws: `DiskError` or `IndexError`, whose description says what to do.
    package static func verify(
        folder: String, repairs: Bool,
        progress: (AdminMessages.Verification) async throws -> Void
    ) async throws -> AdminMessages.VerificationReport {
        let disk = try PosixDisk(root: folder)
        defer { disk.unlock() }
        let index = try open(disk.indexPath, despiteDamage: repairs)
        let scrub = makeScrub(index, disk)
        var report = AdminMessages.VerificationReport(Scrub.Report(), isRepaired: repairs)
        do {
            if index.loss == nil {
                report = try await run(scrub, repairs: repairs, progress: progress)
            }
        } catch let error as IndexError {
            // The walk may be the first to see a page that is damaged.
            guard repairs, index.loss?.code == .corrupt else { throw error }
        }
        if repairs, let loss = index.loss {
            if report.indexFaults.isEmpty { report.indexFaults = [loss.message] }
            try await index.renew()
        }
        try await index.close()
        return report
    }

    private static func makeScrub(_ index: IndexWriter, _ disk: PosixDisk) -> Scrub {
        let log = Logger(label: "platter") { _ in SwiftLogNoOpLogHandler() }
        let search = IndexSearch(reader: index.makeReader())
        let evictor = Evictor(
            settings: EvictionPolicy.Settings(), recorded: 0, table: EntryTable(disk: disk),
            disk: disk, index: index, search: search, clock: SystemClock(),
            wallClock: { Int64(Date().timeIntervalSince1970) }, executor: nil, delay: { _, _ in },
            log: log)
        return Scrub(index: index, search: search, disk: disk, evictor: evictor, log: log)
    }

    private static func open(
        _ path: String, despiteDamage: Bool
    ) throws(IndexError) -> IndexWriter {
        // Without a boot id nothing recorded so far is trusted unchecked.
        let boot = (try? BootID.current()) ?? "unknown \(UInt64.random(in: .min ... .max))"
        do throws(IndexError) {
            return try IndexWriter(path: path, boot: boot)
        } catch {
            guard despiteDamage, error.code == .corrupt else { throw error }
            return IndexWriter(path: path, boot: boot, without: error)
        }
    }

    /// - Parameter found: See `Scrub.run`.
    package static func run(
        _ scrub: Scrub, repairs: Bool, found: ((Scrub.Damage) -> Void)? = nil,
        progress: (AdminMessages.Verification) async throws -> Void
    ) async throws -> AdminMessages.VerificationReport {
        let report = try await scrub.run(
            repairs: repairs, found: found,
            progress: {
                try await progress(AdminMessages.Verification(done: $0.done, total: $0.total))
            })
        return AdminMessages.VerificationReport(report, isRepaired: repairs)
    }
}

extension AdminMessages.VerificationReport.File {
    init(_ unread: Scrub.Unread) {
        self.init(
            id: unread.entry.rawValue, url: unread.key.redactedURL,
            reason: unread.reason)
    }
}

extension AdminMessages.VerificationReport {
    init(_ report: Scrub.Report, isRepaired: Bool) {
        self.init(
            entries: report.entries, runs: report.runs, bytes: report.bytes,
            damaged: report.damaged.map {
                Damage(
                    id: $0.entry.rawValue, url: $0.key.redactedURL,
                    start: $0.range.lowerBound, end: $0.range.upperBound)
            }, withoutFile: report.withoutFile.map(File.init),
            unopened: report.unopened.map(File.init),
            indexFaults: report.indexFaults, isRepaired: isRepaired)
    }
}

extension AdminMessages.VerificationReport {
    /// What was done, or is to be done now, for people.
    package var conclusion: String {
        if isClean { return "All is right." }
        if !isRepaired, !indexFaults.isEmpty {
            return "`platter verify --repair` sets the index aside; an empty one takes its place."
        }
        let isFound = !damaged.isEmpty || !withoutFile.isEmpty || !indexFaults.isEmpty
        var sentences: [String] = []
        if isFound, isRepaired {
            sentences.append(
                "What is damaged was forgotten; it is fetched again when it is wanted.")
        } else if isFound {
            sentences.append(
                "Nothing of what is damaged is played any more. `platter verify --repair` forgets it."
            )
        }
        if !unopened.isEmpty {
            sentences.append("What could not be compared stays as it is, for the reasons above.")
        }
        return sentences.joined(separator: " ")
    }
}

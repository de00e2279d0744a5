import Logging
package import PlatterCache
import PlatterCore
import PlatterStore

/// A scrub as people are shown it. Used by the admin interface and, where no server runs, by the
/// command line itself.
package enum VerificationViews {
    /// Compares everything in a cache folder that no server uses.
    ///
    /// - Throws: `DiskError` or `IndexError`, whose description says what to do.
    package static func verify(
        folder: String, repairs: Bool,
        progress: (AdminMessages.Verification) async throws -> Void
    ) async throws -> AdminMessages.VerificationReport {
        let disk = try PosixDisk(root: folder)
        defer { disk.unlock() }
        // Without a boot id nothing recorded so far is trusted unchecked.
        let boot = (try? BootID.current()) ?? "unknown \(UInt64.random(in: .min ... .max))"
        let index = try IndexWriter(path: disk.indexPath, boot: boot)
        let scrub = Scrub(
            index: index, search: IndexSearch(reader: index.makeReader()), disk: disk,
            log: Logger(label: "platter"))
        let report = try await run(scrub, repairs: repairs, progress: progress)
        try await index.close()
        return report
    }

    package static func run(
        _ scrub: Scrub, repairs: Bool,
        progress: (AdminMessages.Verification) async throws -> Void
    ) async throws -> AdminMessages.VerificationReport {
        let report = try await scrub.run(
            repairs: repairs,
            progress: {
                try await progress(AdminMessages.Verification(done: $0.done, total: $0.total))
            })
        return AdminMessages.VerificationReport(report, isRepaired: repairs)
    }
}

extension AdminMessages.VerificationReport {
    init(_ report: Scrub.Report, isRepaired: Bool) {
        self.init(
            entries: report.entries, runs: report.runs, bytes: report.bytes,
            damaged: report.damaged.map {
                Damage(
                    id: $0.entry.rawValue, url: AdminMessages.Entry.url(of: $0.key),
                    start: $0.range.lowerBound, end: $0.range.upperBound)
            }, withoutFile: report.withoutFile, unopened: report.unopened,
            indexFaults: report.indexFaults, isRepaired: isRepaired)
    }
}

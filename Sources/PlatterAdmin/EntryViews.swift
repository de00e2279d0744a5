package import PlatterCache
package import PlatterCore
import PlatterHTTP
package import PlatterStore

/// The index as people are shown it. Used by the admin interface and, where no server runs, by the
/// command line itself.
package enum EntryViews {
    /// Entries of one page [200].
    package static let pageLength = 200
    /// Pieces of one map [100,000]; what comes after them is only counted.
    package static let pieceLimit = 100_000

    package static func page(
        of index: IndexReader, after: Int64
    ) throws(IndexError) -> AdminMessages.Entries {
        let summaries = try index.entries(limit: pageLength, after: after)
        return AdminMessages.Entries(
            entries: summaries.map { AdminMessages.Entry($0.entry, presentBytes: $0.presentBytes) },
            next: summaries.count == pageLength ? summaries.last?.entry.id.rawValue : nil)
    }

    /// - Returns: nil when there is no such entry.
    package static func map(
        of id: Int64, index: IndexReader
    ) throws(IndexError) -> AdminMessages.EntryMap? {
        guard let record = try index.entry(index.entryID(id)) else { return nil }
        var present: [[Int64]] = []
        var runs = try index.runs(of: record.id)
        while let last = runs.last, present.count < pieceLimit {
            for run in runs { append(run.run.range, to: &present) }
            runs = try index.runs(of: record.id, from: last.run.range.upperBound)
        }
        let total = try index.presentBytes(of: record.id)
        return AdminMessages.EntryMap(
            entry: AdminMessages.Entry(record, presentBytes: total), present: present)
    }

    private static func append(_ range: ByteRange, to present: inout [[Int64]]) {
        if let last = present.last, last[1] == range.lowerBound {
            present[present.count - 1][1] = range.upperBound
        } else {
            present.append([range.lowerBound, range.upperBound])
        }
    }
}

extension AdminMessages.Entry {
    init(_ record: EntryRecord, presentBytes: Int64) {
        let key = record.representation.key
        let words = key.text.split(separator: " ", maxSplits: 1)
        let url = words.first.flatMap { try? OriginURL(String($0)) }
        self.init(
            id: record.id.rawValue, url: key.redactedURL,
            query: url?.query.map { Fingerprint.short($0) },
            fields: words.count > 1 ? Fingerprint.short(String(words[1])) : nil,
            state: EntryState(record, presentBytes: presentBytes).rawValue,
            completeLength: record.grid.completeLength, presentBytes: presentBytes,
            chunkLength: record.grid.chunkLength, contentType: record.contentType,
            createdAt: record.createdAt, accessedAt: record.accessedAt)
    }
}

extension IndexSearch {
    /// The current entry of a key and how much of it is there; nil when there is none.
    package func summary(
        of key: CacheKey
    ) throws(IndexError) -> (state: EntryState, completeLength: Int64, presentBytes: Int64)? {
        try read { (index) throws(IndexError) in
            guard let record = try index.entry(for: key) else { return nil }
            let present = try index.presentBytes(of: record.id)
            return (
                EntryState(record, presentBytes: present), record.grid.completeLength, present
            )
        }
    }
}

package import PlatterCore

/// Bytes on disk that are not believed any more.
extension IndexWriter {
    /// Forgets a run whose bytes were just compared with its checksum and are others, and all that
    /// overlap it. The completion is told whether nothing excuses the disk: the row was still there, and
    /// neither the power nor somebody else can have changed its bytes.
    package func dropDamaged(
        _ run: StoredRun, of entry: EntryID, completion: @escaping Completion<Bool>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            let rows = RunRows(db: db, entry: entry, boot: boot)
            let isUnexcused = try rows.isUnexcused(run)
            _ = try rows.drop(run.range)
            return isUnexcused
        }
    }

    /// Trusts no run of an entry until it was checked: after an I/O error on its file, the bytes
    /// written before may be lost although nothing said so.
    package func distrust(
        _ entry: EntryID, because doubt: Doubt = .excused, completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            try RunRows(db: db, entry: entry, boot: boot).distrust(because: doubt)
        }
    }

    /// The same for one run whose bytes were just compared with its checksum and are others: it stays,
    /// and is compared again before it is served. Nothing happens when the index has another one there
    /// by now, or does not trust it already.
    package func distrust(
        _ run: StoredRun, of entry: EntryID, because doubt: Doubt
    ) async throws(IndexError) {
        try await perform(about: entry) { [boot = life.boot] db, _ in
            try RunRows(db: db, entry: entry, boot: boot).distrust(run, because: doubt)
        }
    }
}

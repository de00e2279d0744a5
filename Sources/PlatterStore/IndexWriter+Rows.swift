package import PlatterCore

/// Changes of entries and of the runs in them.
extension IndexWriter {
    // MARK: - Entries

    /// The current entry of a representation, made if need be.
    ///
    /// - Returns: The entry that was there, if it is the same representation with the same chunk
    ///   size; else a new one, or a former one where the version has returned, and a different current one
    ///   of the key is superseded in the same commit.
    package func openEntry(_ new: NewEntry) async throws(IndexError) -> EntryRecord {
        try await perform { try EntryRows(db: $0, epoch: $1).open(new) }
    }

    /// Takes an entry from the front: its key has no current version afterwards. Nothing happens to
    /// an entry that is superseded or gone.
    package func supersede(
        _ entry: EntryID, at time: Int64, completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) {
            try EntryRows(db: $0, epoch: $1).supersede(entry, at: time)
        }
    }

    /// Replaces the stored header fields after a successful revalidation (RFC 9111 section 4.3.4).
    package func refresh(
        _ entry: EntryID, contentType: String?, fields: String,
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) {
            try EntryRows(db: $0, epoch: $1).refresh(
                entry, contentType: contentType, fields: fields)
        }
    }

    /// Notes when entries were last used, in seconds since 1970. Entries that are gone are left
    /// out, and no time goes backwards.
    package func touch(_ times: [EntryID: Int64], completion: @escaping Completion<Void>) {
        append(completion) { db, epoch in
            for (entry, time) in times where entry.epoch == epoch {
                try EntryRows(db: db, epoch: epoch).touch(entry, at: time)
            }
        }
    }

    /// Puts times of last use that are still to come right: they are of a clock that was ahead, and what
    /// is used from now on would be evicted before. They become the last seconds up to now, in their
    /// order: should the clock be behind now, no more is lost than how far they were apart.
    ///
    /// - Parameter now: Seconds since 1970.
    package func recall(to now: Int64, completion: @escaping Completion<Void>) {
        append(completion) { try EntryRows(db: $0, epoch: $1).recall(to: now) }
    }

    /// Notes what an entry's file was left like, so that a change by somebody else shows after a
    /// restart. nil: nothing is noted.
    package func note(
        _ stamp: FileStamp?, of entry: EntryID, completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { db, epoch in
            if let stamp { try EntryRows(db: db, epoch: epoch).note(stamp, of: entry) }
        }
    }

    /// Forgets an entry and its runs. Only then may its file be removed.
    ///
    /// - Parameter durably: A person wants it gone: it stays gone even if the power fails now.
    /// - Returns: The file that belonged to it.
    package func deleteEntry(
        _ entry: EntryID, durably: Bool = false
    ) async throws(IndexError) -> DataFileName {
        try await perform(about: entry, isDurable: durably) {
            try EntryRows(db: $0, epoch: $1).delete(entry)
        }
    }

    // MARK: - Runs

    /// Notes that bytes are in the file. Call it only after they were written.
    ///
    /// Runs that touch inside a chunk become one. A run that is known already is ignored; of those
    /// that overlap in part the side with more bytes of its own stays. All of the runs are recorded
    /// or none: `.entryGone` without the entry, `.constraint` for a run that is not within one chunk.
    ///
    /// - Parameter isTrusted: Asked within the commit. false: the bytes may have been changed since they
    ///   were written, and are compared with their checksum before they are served.
    package func record(
        _ runs: [StoredRun], in entry: EntryID,
        isTrusted: @escaping @Sendable () -> Bool = { true },
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            let rows = RunRows(db: db, entry: entry, boot: boot)
            if isTrusted() { try rows.record(runs) } else { try rows.recordUntrusted(runs) }
        }
    }

    /// Forgets the runs that share a byte with `range`, whole. Only then may their bytes be punched
    /// out. The completion gets the ranges that were forgotten.
    ///
    /// - Parameter sparesPinned: None are, if the entry is the current one of a key to be kept.
    package func drop(
        _ range: ByteRange, of entry: EntryID, sparesPinned: Bool = false,
        completion: @escaping Completion<[ByteRange]>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, epoch in
            if sparesPinned, try EntryRows(db: db, epoch: epoch).isPinned(entry) { return [] }
            return try RunRows(db: db, entry: entry, boot: boot).drop(range)
        }
    }

    /// Trusts a run whose bytes were just compared with its checksum. Nothing happens when the
    /// index has another one there by now.
    ///
    /// - Parameter holds: Asked within the commit: whether the bytes are still those that were compared.
    ///   What somebody changed meanwhile has been distrusted by then, or is about to be.
    package func stampVerified(
        _ run: StoredRun, in entry: EntryID, holds: @escaping @Sendable () -> Bool = { true },
        completion: @escaping Completion<Void>
    ) {
        append(completion, about: entry) { [boot = life.boot] db, _ in
            guard holds() else { return }
            try RunRows(db: db, entry: entry, boot: boot).stampVerified(run)
        }
    }
}

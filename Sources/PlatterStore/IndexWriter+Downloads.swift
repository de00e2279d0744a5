/// The queue of what people want downloaded.
extension IndexWriter {
    /// Notes a wish. A second one for the same key widens the first: both ranges, the higher
    /// priority, pinned if either is; it is due at once, with its failures forgotten.
    package func enqueue(_ download: NewDownload) async throws(IndexError) -> QueuedDownload {
        try await perform { db, _ in try DownloadRows(db: db).enqueue(download) }
    }

    /// Notes a failed try.
    package func noteFailure(
        of download: QueuedDownload, error: String, nextAttemptAt: Int64
    ) async throws(IndexError) {
        try await perform { db, _ in
            try DownloadRows(db: db).noteFailure(
                download, error: error, nextAttemptAt: nextAttemptAt)
        }
    }

    /// - Returns: Whether it was there.
    @discardableResult
    package func dequeue(_ download: QueuedDownload) async throws(IndexError) -> Bool {
        try await perform { db, _ in try DownloadRows(db: db).dequeue(download) }
    }

    /// All wishes, the most urgent first.
    package func downloads() async throws(IndexError) -> [QueuedDownload] {
        try await perform { db, _ in try DownloadRows(db: db).all() }
    }
}

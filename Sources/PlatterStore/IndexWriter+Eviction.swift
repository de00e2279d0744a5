package import PlatterCore

extension IndexWriter {
    /// The same as `drop` with a completion, for those that can wait.
    ///
    /// - Returns: The ranges that were forgotten.
    package func dropRuns(
        _ range: ByteRange, of entry: EntryID
    ) async throws(IndexError) -> [ByteRange] {
        try await dropRuns(range, of: entry, sparesPinned: false)
    }

    /// The same for room's sake: nothing of what a person wants kept by now, whoever chose the entry
    /// before.
    package func evictRuns(
        _ range: ByteRange, of entry: EntryID
    ) async throws(IndexError) -> [ByteRange] {
        try await dropRuns(range, of: entry, sparesPinned: true)
    }

    private func dropRuns(
        _ range: ByteRange, of entry: EntryID, sparesPinned: Bool
    ) async throws(IndexError) -> [ByteRange] {
        let result: Result<[ByteRange], IndexError> = await withCheckedContinuation {
            continuation in
            // Resumed once: the writer reports every change exactly once.
            drop(range, of: entry, sparesPinned: sparesPinned) {
                continuation.resume(returning: $0)
            }
        }
        return try result.get()
    }
}

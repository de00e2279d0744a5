package import PlatterCore

extension IndexWriter {
    /// The same as `drop` with a completion, for those that can wait.
    ///
    /// - Returns: The ranges that were forgotten.
    package func dropRuns(
        _ range: ByteRange, of entry: EntryID
    ) async throws(IndexError) -> [ByteRange] {
        let result: Result<[ByteRange], IndexError> = await withCheckedContinuation {
            continuation in
            // Resumed once: the writer reports every change exactly once.
            drop(range, of: entry) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }
}

package import PlatterCore
package import PlatterStore

/// An open entry that was found, for who asks for the same resource again and again, and takes few bytes each time
/// that are in memory: what `Reader` is for those that have nothing to wait for, and need nothing ahead of them.
///
/// It holds as long as neither the index nor the table of entries has changed, and keeps no file open by itself.
package struct KnownEntry {
    private weak var entry: Entry?
    private let state: IndexState
    private let changeCount: Int

    /// - Returns: nil when the resource has no open entry now, or is to be passed through.
    package init?(
        _ resource: Resource, table: EntryTable, index: IndexReader, now: Moment
    ) {
        // Before all that is looked up: what changes meanwhile is noticed.
        changeCount = table.changeCount
        guard let state = index.state,
            table.reasonToBypass(resource.key, now: now) == nil,
            let record = try? index.entry(for: resource.key),
            let entry = table.openEntry(of: record, resource: resource)
        else { return nil }
        (self.entry, self.state) = (entry, state)
    }

    /// The entry, if it would still be found.
    package func entry(table: EntryTable, index: IndexReader) -> Entry? {
        changeCount == table.changeCount && isStill(index) ? entry : nil
    }

    private func isStill(_ index: IndexReader) -> Bool { index.state == state }

    /// Fills `buffer` with the bytes of a range of the entry.
    ///
    /// Nothing holds them meanwhile; see `SpanTable`.
    ///
    /// - Parameters:
    ///   - range: Within the entry, as long as `buffer`.
    ///   - opened: Of `entry`.
    ///   - index: The one that it was found in.
    /// - Returns: Whether all of them are right; false also when that would have to be waited for. What is in
    ///   `buffer` then means nothing.
    package func read(
        _ range: ByteRange, of opened: Entry.Opened,
        into buffer: UnsafeMutableRawBufferPointer, index: IndexReader
    ) -> Bool {
        let file = opened.file
        let acceptedChanges = file.acceptedChangeCount
        guard
            (try? index.presence(
                of: opened.record.id, at: range.lowerBound, upTo: range.upperBound))
                == .present(range),
            (try? file.readResident(into: buffer, at: range.lowerBound)) == buffer.count,
            let look = try? file.look()
        else { return false }
        return look.foreignChange == nil && look.status.linkCount > 0
            && look.status.size >= range.upperBound && !file.isDetached
            && file.acceptedChangeCount == acceptedChanges
            // Whoever takes bytes away says both before.
            && !file.wasPunched(in: range) && isStill(index)
    }
}

package import PlatterCore
package import PlatterStore

/// A read of few bytes that are all on disk and compared: what `Reader` is for those that are not waited for and
/// need nothing ahead.
package struct Glance {
    /// As of `Reader`.
    package let acceptedChanges: Int
    private let range: ByteRange
    /// Keeps the bytes from being evicted for as long as this value lives.
    private let hold: Hold

    /// - Parameter range: Within the entry, not empty.
    /// - Returns: nil when a byte of it is not there, or it cannot be told.
    package init?(
        at range: ByteRange, of opened: Entry.Opened, services: ReaderServices, index: IndexReader
    ) {
        // Before the look-up: see `Reader.protect`.
        guard
            let hold = services.spans.hold(range, of: opened.record.file, as: .reader),
            !opened.file.isDetached
        else { return nil }
        acceptedChanges = opened.file.acceptedChangeCount
        guard
            let presence = try? index.presence(
                of: opened.record.id, at: range.lowerBound, upTo: range.upperBound),
            presence == .present(range)
        else { return nil }
        self.range = range
        self.hold = hold
    }

    /// The client was given all of it.
    package func ended(of entry: Entry, _ opened: Entry.Opened, services: ReaderServices) {
        entry.readerClosed(
            taken: range.length, asked: range.length, settings: services.readAhead)
        services.accesses.note(opened.record.id)
    }
}

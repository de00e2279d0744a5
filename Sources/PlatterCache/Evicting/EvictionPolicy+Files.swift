package import PlatterCore

/// What goes where the file system cannot punch holes: whole entries, each with its file.
extension EvictionPolicy {
    /// An entry and its file.
    package struct FileCandidate: Hashable, Sendable {
        package let entry: EntryID
        /// Another version took its place: it serves nobody new.
        package var isSuperseded = false
        /// A person wants it kept.
        package var isPinned = false
        /// Seconds since 1970.
        package var accessedAt: Int64 = 0
        /// The sum of its runs in the index.
        package var recorded: Int64 = 0
        /// What its file takes of the disk; nil when that is not known.
        package var allocated: Int64?
        package var spans = Spans()

        package init(entry: EntryID) { self.entry = entry }

        /// The bytes that come back with its file.
        package var bytes: Int64 {
            // Some file systems never say, or say it late.
            guard let allocated, allocated > 0 else { return max(0, recorded) }
            return allocated
        }

        /// What its file takes beyond what is recorded of it: chunks that were dropped, and what a fetch
        /// left that could not record it.
        package var unrecorded: Int64 { max(0, bytes - max(0, recorded)) }
    }

    /// The bytes to free before so many more are written; 0 when they may be written at once.
    ///
    /// With holes they always may: what lies behind a reader makes way later. Without, a file that is
    /// always being read never would, so nothing is added beyond the point down to which eviction goes. A
    /// round that begins by itself, and then takes whole films, is left for what nobody foresaw.
    package func bytesToFree(for bytes: Int64, _ usage: Usage) -> Int64 {
        guard !usage.punchesHoles else { return 0 }
        let limit = limit(usage)
        // A small cache would have no room for the step in which flights ask.
        let after = usage.taken.addingClamped(min(max(0, bytes), limit / 16))
        guard after > Self.share(settings.end, of: limit) else { return 0 }
        // Not for each flight anew.
        let target = settings.end.addingClamped(settings.end.addingClamped(-settings.start))
        return max(0, after.addingClamped(-Self.share(target, of: limit)))
    }

    /// The entries to remove, in order: as many as bring `bytes`, or all that may go.
    ///
    /// First those that serve nobody new, then the least recently used. Pinned ones, and those that
    /// somebody reads or writes, never: they would lose all their bytes.
    package func removals(
        among candidates: [FileCandidate], toFree bytes: Int64
    ) -> [FileCandidate] {
        let ranked = candidates.filter { !$0.isPinned && $0.spans == Spans() }
            .sorted {
                ($0.isSuperseded ? 0 : 1, $0.accessedAt, $0.entry)
                    < ($1.isSuperseded ? 0 : 1, $1.accessedAt, $1.entry)
            }
        var rest = bytes
        var removals: [FileCandidate] = []
        for candidate in ranked where rest > 0 {
            removals.append(candidate)
            rest = rest.addingClamped(-candidate.bytes)
        }
        return removals
    }
}

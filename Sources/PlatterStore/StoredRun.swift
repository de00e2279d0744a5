package import PlatterCore

/// Contiguous bytes inside one grid chunk, and what they must add up to.
package struct StoredRun: Hashable, Sendable {
    /// Not empty; within one chunk of the entry's grid.
    package let range: ByteRange
    /// CRC32C over all bytes of `range`.
    package let crc32c: UInt32

    package init(range: ByteRange, crc32c: UInt32) {
        self.range = range
        self.crc32c = crc32c
    }

    /// This run and `next` as one, without reading the bytes again.
    ///
    /// - Returns: nil unless `next` starts where this run ends.
    package func joined(with next: StoredRun) -> StoredRun? {
        guard range.upperBound == next.range.lowerBound else { return nil }
        return StoredRun(
            range: range.lowerBound..<next.range.upperBound,
            crc32c: Checksum.combine(crc32c, next.crc32c, length: next.range.length))
    }
}

/// A run as the index has it.
package struct RecordedRun: Hashable, Sendable {
    package let run: StoredRun
    /// Whether the bytes may be served unread: they were written or checked since the last boot.
    package let isVerified: Bool

    package init(run: StoredRun, isVerified: Bool) {
        self.run = run
        self.isVerified = isVerified
    }
}

/// Why bytes are to be compared again with their checksums.
package enum Doubt: Hashable, Sendable, CaseIterable {
    /// The disk is not to blame if they are others: somebody has changed the file, or there was no room.
    case excused
    /// The disk has failed: it is.
    case failure
}

/// What the index knows about the bytes from one position on.
package enum Presence: Hashable, Sendable {
    /// These bytes are on disk and may be served.
    case present(ByteRange)
    /// The position lies in a run recorded before the last boot, or no longer trusted: compare its
    /// checksum first. The run is whole, so it may start before the position asked for.
    case unverified(StoredRun)
    /// No byte of this range is on disk. Empty when nothing was asked for.
    case absent(ByteRange)
}

/// Reads the rows of an entry from one position on and says what they mean. Feed the rows in order,
/// starting with the last one that starts at or before the position.
struct PresenceScan {
    private let wanted: ByteRange
    private var presentEnd: Int64
    private var found: Presence?
    /// What is there around the beginning of what is wanted, and beyond its end, as far as the rows tell.
    private(set) var known: ByteRange?

    init(wanted: ByteRange) {
        self.wanted = wanted
        presentEnd = wanted.lowerBound
    }

    /// - Returns: Whether the next row can change the answer.
    mutating func add(_ row: RecordedRun) -> Bool {
        let range = row.run.range
        guard range.upperBound > presentEnd else { return true }
        guard range.lowerBound <= presentEnd else {
            if presentEnd == wanted.lowerBound {
                let end = min(range.lowerBound, wanted.upperBound)
                found = .absent(wanted.lowerBound..<end)
            }
            return false
        }
        guard row.isVerified else {
            if presentEnd == wanted.lowerBound { found = .unverified(row.run) }
            return false
        }
        known = (known?.lowerBound ?? range.lowerBound)..<range.upperBound
        presentEnd = min(range.upperBound, wanted.upperBound)
        return presentEnd < wanted.upperBound
    }

    var presence: Presence {
        if let found { return found }
        if presentEnd == wanted.lowerBound { return .absent(wanted) }
        return .present(wanted.lowerBound..<presentEnd)
    }
}

import PlatterCore

/// What one reader may keep from being evicted: all together a half of the cache at most, so that many
/// readers of a small cache do not keep it above its size. A value without clock or I/O.
package struct ReaderShare: Hashable, Sendable {
    /// A reader looks up and fetches so much ahead whatever the others do [1 MiB].
    private static let leastAhead: Int64 = 1 << 20

    /// Bytes behind the reader, and ahead of it, at most. What it is handed at once is kept in any case.
    package let behind: Int64
    package let ahead: Int64

    /// - Parameters:
    ///   - room: The bytes that the cache may take.
    ///   - readers: How many there are.
    ///   - keptBehind, mostAhead: What one gets where there is enough room.
    package init(room: Int64, readers: Int, keptBehind: Int64, mostAhead: Int64) {
        // Of eight parts of the cache one is for what is behind, and three for what is ahead.
        let part = max(0, room) / 8 / Int64(max(1, readers))
        behind = min(keptBehind, part)
        ahead = min(mostAhead, max(part.multipliedClamped(by: 3), Self.leastAhead))
    }
}

extension ReaderServices {
    func share(of readers: Int) -> ReaderShare {
        ReaderShare(
            room: room, readers: readers, keptBehind: keptBehind, mostAhead: readAhead.most)
    }
}

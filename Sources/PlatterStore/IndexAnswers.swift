internal import CPlatter
internal import PlatterCore

/// The state of a database that answers belong to: what SQLite's connections share of it in memory, the header of
/// the wal-index (sqlite.org/walformat.html, section 2.1). Each commit of whatever program changes its counter, its
/// number of frames and their checksum; no other state has the same. SQLite believes its pages in memory for as
/// long as it stays the same, too.
struct IndexView: Equatable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

    /// - Parameter memory: The first 96 bytes of the wal-index, which others may be changing.
    /// - Returns: nil in the midst of a commit, and before the first one.
    init?(_ memory: UnsafeRawPointer) {
        let isWhole = withUnsafeMutablePointer(to: &words) {
            platter_wal_index_header(memory, $0) != 0
        }
        if !isWhole { return nil }
    }

    static func == (lhs: IndexView, rhs: IndexView) -> Bool { lhs.words == rhs.words }
}

/// Which index, and what was committed to it: all that it answers is the same while this is.
package struct IndexState: Equatable, Sendable {
    let epoch: UInt64
    let view: IndexView
}

/// What was asked of the index and holds until the next commit: most questions of a player that reads what is on
/// disk are about the same film.
///
/// Not Sendable: of one connection.
final class IndexAnswers {
    /// So many films at most [256].
    static let limit = 256

    private var view: IndexView?
    private var entries: [CacheKey: EntryRecord?] = [:]
    private var present: [Int64: KnownStretches] = [:]

    /// Forgets what was answered in another view.
    private func isOf(_ view: IndexView) -> Bool {
        if self.view == view { return true }
        self.view = view
        entries.removeAll(keepingCapacity: true)
        present.removeAll(keepingCapacity: true)
        return false
    }

    /// - Returns: nil when it was not asked; `.some(nil)` when the index has none.
    func entry(for key: CacheKey, in view: IndexView) -> EntryRecord?? {
        isOf(view) ? entries[key] : nil
    }

    func note(_ record: EntryRecord?, for key: CacheKey, in view: IndexView) {
        if !isOf(view) || entries.count >= Self.limit { entries.removeAll(keepingCapacity: true) }
        entries[key] = .some(record)
    }

    /// Whether all of a range is known to be there.
    func isPresent(_ range: ByteRange, of entry: Int64, in view: IndexView) -> Bool {
        isOf(view) && present[entry]?.contains(range) == true
    }

    /// - Parameter range: All of it is there, compared.
    func note(present range: ByteRange, of entry: Int64, in view: IndexView) {
        if !isOf(view) || present.count >= Self.limit { present.removeAll(keepingCapacity: true) }
        present[entry, default: KnownStretches()].insert(range)
    }
}

/// Stretches of a film that are known to be there, in order, with gaps between them.
struct KnownStretches: Equatable {
    /// So many at most [64]: with one more the others are forgotten.
    static let limit = 64

    private(set) var stretches: [ByteRange] = []

    func contains(_ range: ByteRange) -> Bool {
        let index = firstIndex(endingFrom: range.upperBound)
        return index < stretches.count && stretches[index].lowerBound <= range.lowerBound
    }

    mutating func insert(_ range: ByteRange) {
        // Those that touch it become one with it.
        let start = firstIndex(endingFrom: range.lowerBound)
        var end = start
        var whole = range
        while end < stretches.count, stretches[end].lowerBound <= range.upperBound {
            let lower = min(whole.lowerBound, stretches[end].lowerBound)
            whole = lower..<max(whole.upperBound, stretches[end].upperBound)
            end += 1
        }
        if start == end, stretches.count >= Self.limit {
            stretches = [range]
        } else {
            stretches.replaceSubrange(start..<end, with: [whole])
        }
    }

    /// The first one that ends at `position` or behind it.
    private func firstIndex(endingFrom position: Int64) -> Int {
        var (low, high) = (0, stretches.count)
        while low < high {
            let middle = (low + high) / 2
            if stretches[middle].upperBound < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

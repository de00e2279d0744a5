internal import CPlatter
internal import NIOConcurrencyHelpers

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Notices that the disk did not keep what SQLite has written to the index: the memory that had those pages
/// is used for something else then, and the next look finds them as they were some time before. SQLite
/// asks only when it empties its log, and tells nobody. Once noticed, all rows are doubted until that is in
/// the index, and on the disk. So long a mark lies beside it, for whoever opens it next.
final class IndexWriteBack: Sendable {
    private struct State {
        /// How often a loss was noticed, up to where all rows were distrusted for it, and up to where somebody was
        /// told.
        var losses = 0
        var settled = 0
        var told = 0
        /// Whether the mark lies beside the index.
        var isMarked = false
    }

    /// Open for as long as SQLite has the files open: closing one takes its locks away.
    private let descriptors: [Int32]
    /// The one of them for the database; nil where it could not be opened.
    let database: Int32?
    private let lost: @Sendable (Int32) -> Int32
    private let place: IndexPlace
    private let identity: FileIdentity?
    private let state: NIOLockedValueBox<State>

    /// - Parameters:
    ///   - path: Of the database, which is open.
    ///   - identity: Of that file.
    ///   - lost: Says at once, and once for each descriptor, whether bytes of the file were lost; 0, or the
    ///     system's number of the error.
    /// - Throws: When it cannot be told whether the one before has left it in doubt.
    init(
        path: String, identity: FileIdentity?, lost: (@Sendable (Int32) -> Int32)? = nil
    ) throws(IndexError) {
        place = IndexPlace(path: path)
        self.identity = identity
        let isMarked = try place.isDoubted
        state = NIOLockedValueBox(State(losses: isMarked ? 1 : 0, isMarked: isMarked))
        // What cannot be opened cannot be asked about: that is as it was without.
        let files = ["", "-wal"].map {
            try? openDescriptor(AT_FDCWD, path + $0, flags: O_RDONLY | O_NOFOLLOW)
        }
        database = files[0]
        descriptors = files.compactMap { $0 }
        self.lost = lost ?? { platter_write_error($0) }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }

    /// Whether a loss was noticed, and not all rows were distrusted for it since.
    var isDoubted: Bool { state.withLockedValue { $0.losses > $0.settled } }

    /// Asks the system.
    ///
    /// - Returns: How often a loss was noticed up to now; nil when all rows were distrusted since the last one.
    @discardableResult
    func look() -> Int? {
        // All of them: each is told by itself.
        let isLost = descriptors.map { lost($0) != 0 }.contains(true)
        return state.withLockedValue { state in
            if isLost { state.losses += 1 }
            guard state.losses > state.settled else { return nil }
            if !state.isMarked { state.isMarked = place.markDoubted(identity) }
            return state.losses
        }
    }

    /// Whether the next one finds the mark.
    func mark() -> Bool {
        state.withLockedValue { state in
            // Not as noted: somebody may have removed it.
            state.isMarked = place.markDoubted(identity)
            return state.isMarked
        }
    }

    /// All rows are distrusted in the index, and that is on the disk.
    ///
    /// - Parameter losses: As `look` said before that.
    func settled(_ losses: Int) {
        state.withLockedValue { state in
            state.settled = max(state.settled, losses)
            guard state.isMarked, state.losses <= state.settled else { return }
            // One that stays costs the next one comparisons that are not needed.
            state.isMarked = !place.unmark()
        }
    }

    /// - Returns: Whether a loss was noticed since this was asked before.
    func takeNews() -> Bool {
        state.withLockedValue { state in
            defer { state.told = state.losses }
            return state.losses > state.told
        }
    }
}

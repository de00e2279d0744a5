import PlatterCore

/// When to look whether something has to be evicted. A value without clock or I/O: it counts what is
/// recorded, and says when a look is due.
///
///     idle --(threshold passed, or room is needed)--> looking --(all was freed)--> idle
///                                                        |
///                                         (something could not be freed)
///                                                        v
///                                   idle <--(over)-- resting
///
/// After a look that could not free what it should, the next one waits for a while and for something
/// to have changed, so that a cache full of what may not go costs little. But not for longer than until a
/// sixteenth of the cache came: what quick readers have passed in a second may be as much as all of it.
package struct EvictionTrigger: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case nothing
        /// Look, then report with `ended`.
        case look
        /// Report with `rested` after a while.
        case rest
    }

    private enum Phase: Hashable {
        case idle, looking, resting
    }

    /// The free space of the disk is looked at after so many bytes at the latest [64 MiB].
    static let spaceStep: Int64 = 64 << 20

    /// A rest lasts until so many bytes came, however small the cache is [1 MiB].
    static let leastRest: Int64 = 1 << 20

    /// Bytes that are taken: recorded, or in files beyond that where they cannot be given back. Never less
    /// than are recorded: what is recorded twice counts twice until the index is asked.
    package private(set) var total: Int64
    /// All that was ever recorded, and how often the index was asked.
    private var recordedEver: Int64 = 0
    private var measurements = 0
    private var phase = Phase.idle
    private var lookAt: Int64 = 0
    /// At this total a rest is over.
    private var restEnd: Int64 = .max
    /// Something changed since the look under way, or the last one, began.
    private var isDisturbed = false
    /// The last look left something that should go.
    private var isOver = false

    package init(total: Int64) { self.total = max(0, total) }

    /// Bytes were added to the index.
    package mutating func recorded(_ bytes: Int64) -> Action {
        total = total.addingClamped(max(0, bytes))
        recordedEver = recordedEver.addingClamped(max(0, bytes))
        if phase == .resting, total >= restEnd { phase = .idle }
        return total >= lookAt ? disturb() : .nothing
    }

    /// Somebody needs less than before.
    package mutating func released() -> Action {
        switch phase {
        case .idle: isOver ? disturb() : .nothing
        case .looking, .resting: disturb()
        }
    }

    /// The disk has less room than it should. Where nothing could go at the last look, nothing can now either.
    package mutating func shortOfDisk() -> Action {
        phase == .idle && !isOver ? disturb() : .nothing
    }

    /// Look at once, or as soon as can be.
    package mutating func disturb() -> Action {
        switch phase {
        case .idle:
            phase = .looking
            isDisturbed = false
            return .look
        case .looking, .resting:
            isDisturbed = true
            return .nothing
        }
    }

    /// A moment in the count, taken before the index is asked or changed.
    package struct Mark: Hashable, Sendable {
        fileprivate let recordedEver: Int64
        fileprivate let measurements: Int
    }

    package var mark: Mark { Mark(recordedEver: recordedEver, measurements: measurements) }

    /// The index was asked. What was recorded since the question may be missing in its answer; if it is
    /// not, it counts twice until the next one.
    package mutating func measured(_ bytes: Int64, since mark: Mark) {
        total = max(0, bytes).addingClamped(recordedEver - mark.recordedEver)
        measurements += 1
    }

    /// Bytes were taken from the index. If it was asked meanwhile its answer may be without them already.
    package mutating func dropped(_ bytes: Int64, since mark: Mark) {
        guard mark.measurements == measurements else { return }
        total = max(0, total - max(0, bytes))
    }

    /// A look is over.
    ///
    /// - Parameters:
    ///   - threshold: The recorded bytes beyond which eviction begins.
    ///   - isOver: Something that should go could not.
    package mutating func ended(threshold: Int64, isOver: Bool) -> Action {
        guard phase == .looking else { return .nothing }
        self.isOver = isOver
        guard !isOver else {
            lookAt = 0
            phase = .resting
            restEnd = total.addingClamped(max(threshold / 16, Self.leastRest))
            return .rest
        }
        phase = .idle
        let step = total.addingClamped(Self.spaceStep)
        lookAt = min(max(0, threshold).addingClamped(1), step)
        return total >= lookAt ? disturb() : .nothing
    }

    /// The rest is over.
    package mutating func rested() -> Action {
        guard phase == .resting else { return .nothing }
        phase = .idle
        return isDisturbed ? disturb() : .nothing
    }
}

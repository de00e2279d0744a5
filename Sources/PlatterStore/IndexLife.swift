internal import NIOConcurrencyHelpers
internal import Synchronization

/// Which file is the index now. Shared by its writer and all its readers, so that all of them leave a
/// file that died, and find the one that took its place.
///
///     usable(epoch) ──(corrupt, deleted, replaced)──▶ lost(why) ──(made anew)──▶ usable(epoch + 1)
package final class IndexLife: Sendable {
    package let path: String
    package let boot: String
    /// Told how long questions and commits take.
    let latency: DiskLatency?
    /// As of `IndexWriteBack`; nil is the system's own answer.
    let lost: (@Sendable (Int32) -> Int32)?
    /// The epoch in use, or 0. Read before every question, so it is no lock.
    private let current: Synchronization.Atomic<UInt64>
    /// Of `SharedMemoryWatch`, from before the file in use was opened.
    private let seen = Synchronization.Atomic(SharedMemoryWatch.count)
    /// Whether the disk has failed since that was asked.
    private let failure = Synchronization.Atomic(false)
    let leases = IndexLeases()
    private let state: NIOLockedValueBox<State>

    private struct State {
        var last: UInt64
        var loss: IndexError?
        /// nil: it was opened by its path alone.
        var file: FileIdentity?
        var whenLost: @Sendable (IndexError) -> Void = { _ in }
    }

    /// - Parameters:
    ///   - path: Of the database.
    ///   - boot: The running boot; see `BootID`.
    ///   - loss: Why there is no index yet.
    init(
        path: String, boot: String, latency: DiskLatency? = nil, loss: IndexError? = nil,
        lost: (@Sendable (Int32) -> Int32)? = nil
    ) {
        self.path = path
        self.boot = boot
        self.latency = latency
        self.lost = lost
        current = Synchronization.Atomic(loss == nil ? 1 : 0)
        state = NIOLockedValueBox(State(last: 1, loss: loss))
    }

    /// - Throws: `.lost` while there is no index.
    package var epoch: UInt64 {
        get throws(IndexError) {
            let epoch = current.load(ordering: .acquiring)
            guard epoch != 0 else { throw lostError }
            return epoch
        }
    }

    /// After a question: an answer that may not hold is none.
    ///
    /// - Throws: `.lost` when the number is of an index that is not in use any more; `.struck`, and then it is given up.
    func check(_ epoch: UInt64) throws(IndexError) {
        guard epoch == current.load(ordering: .acquiring) else { throw lostError }
        guard SharedMemoryWatch.count == seen.load(ordering: .relaxed) else {
            end(epoch, because: .struck)
            throw .struck
        }
    }

    /// Why there is none; nil while there is.
    var loss: IndexError? {
        guard current.load(ordering: .acquiring) == 0 else { return nil }
        return state.withLockedValue { $0.loss }
    }

    private var lostError: IndexError {
        let why = loss?.message ?? "another one is in use"
        return IndexError(.lost, "the index was lost: \(why)")
    }

    /// - Parameter action: Called on any thread when the index has become useless; must not block.
    func whenLost(_ action: @escaping @Sendable (IndexError) -> Void) {
        state.withLockedValue { $0.whenLost = action }
    }

    /// What came of a question to the index, or of a change. Errors that say that the file is useless
    /// end its use at once.
    func report(_ error: IndexError, from epoch: UInt64) {
        if error.isOfDisk { failure.store(true, ordering: .relaxed) }
        guard [.corrupt, .replaced, .struck].contains(error.code) else { return }
        end(epoch, because: error)
    }

    /// The file in use is given up. Does nothing when it is another one by now.
    func end(_ epoch: UInt64, because error: IndexError) {
        guard
            current.compareExchange(
                expected: epoch, desired: 0, ordering: .acquiringAndReleasing
            ).exchanged
        else { return }
        let action = state.withLockedValue { state in
            state.loss = error
            return state.whenLost
        }
        action(error)
    }

    /// - Returns: Whether the disk has not given or taken some of the index since this was asked before.
    func takeFailure() -> Bool { failure.exchange(false, ordering: .relaxed) }

    /// What stands in the way of the next try.
    func note(_ error: IndexError) { state.withLockedValue { $0.loss = error } }

    /// The number of the file that is about to take the place of the lost one.
    func nextEpoch() -> UInt64 {
        state.withLockedValue { state in
            state.last += 1
            return state.last
        }
    }

    /// From now on the index is usable.
    ///
    /// - Parameters:
    ///   - file: What lies at the path.
    ///   - watch: From before it was opened.
    func begin(_ epoch: UInt64, _ file: FileIdentity?, _ watch: SharedMemoryWatch) {
        state.withLockedValue { $0.file = file }
        seen.store(watch.count, ordering: .relaxed)
        current.store(epoch, ordering: .releasing)
    }

    /// For a connection that was just opened, before its first question: SQLite would take the log and
    /// the shared memory at the path for those of its file. Were that another one than the writer has
    /// open, it would begin the memory anew under the writer, whose process is killed by that or reads
    /// a mixture: POSIX locks do not keep a process from itself.
    ///
    /// - Throws: `.replaced`.
    func checkPlace() throws(IndexError) {
        guard let file = state.withLockedValue({ $0.file }) else { return }
        guard try FileIdentity.at(path) != file else { return }
        throw .moved
    }
}

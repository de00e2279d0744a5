internal import GRDB
internal import NIOConcurrencyHelpers

/// What becomes of an index that is found useless while it is in use.
extension IndexWriter {
    /// - Parameter action: Called on any thread when the index was found useless: it is corrupt, or
    ///   its file has been deleted or replaced. From then on all fails with `.lost`. Must not block.
    package func whenLost(_ action: @escaping @Sendable (IndexError) -> Void) {
        life.whenLost(action)
    }

    /// Looks whether the file is still in its place, with its log and as long as it was: SQLite does not notice when
    /// it is not. Asks the file system, so not on an event loop.
    ///
    /// - Parameter isFolderGone: The folder that the file was made for has another place now, or none.
    package func look(isFolderGone: Bool = false) {
        guard let file else { return }
        if let loss = isFolderGone ? .moved : file.loss() {
            // Who closes it takes its log away.
            if self.file === file { life.report(loss, from: file.epoch) }
            return
        }
        if file.isReadOnly, IndexPlace(path: life.path).isWritable {
            // To be opened again: SQLite stays with what it found.
            life.end(
                file.epoch,
                because: IndexError(.readOnly, "it was opened for reading, and may be written now"))
        }
    }

    /// Looks whether the disk has lost some of what was written to the index: rows may be as they were before,
    /// and each is compared before it is used. Cheap; waits for nothing.
    ///
    /// - Returns: Whether that was noticed since the last look.
    package func lookForLoss() -> Bool {
        guard let file else { return false }
        file.commits.look()
        return file.writeBack.takeNews()
    }

    /// The file in use was found damaged by other means than its use. Does nothing when it is not that one any
    /// more.
    package func condemn(_ epoch: UInt64, because reason: String) {
        guard let file, file.epoch == epoch else { return }
        life.report(IndexError(.corrupt, reason), from: file.epoch)
    }

    /// The same of one that cannot be opened at all: the next `renew` sets it aside.
    package func condemnUnopened(because reason: String) {
        if life.loss != nil { life.note(IndexError(.corrupt, reason)) }
    }

    /// Whether the disk has not given or taken some of the index since this was asked before.
    package func takeFailure() -> Bool { life.takeFailure() }

    /// Reads all of the index and writes to it, to find out whether the disk still gives and takes it. One that turns
    /// out damaged is condemned. Blocks.
    package func examine() async -> Examination {
        do throws(IndexError) {
            if !(try makeReader().faults().faults.isEmpty) {
                // A disk that failed once says the same.
                let (faults, epoch) = try makeReader().faults()
                if let fault = faults.first { condemn(epoch, because: fault) }
                return .unknown
            }
            // Nobody reads that number.
            try await perform(isDurable: true) { db, _ in
                try db.execute(sql: "PRAGMA user_version = 0")
            }
            do throws(IndexError) { try await checkpoint() } catch {
                // By a reader, who looks at what was.
                guard error.code == .busy else { throw error }
            }
            return .passed
        } catch {
            return error.isOfDisk ? .failed : .unknown
        }
    }

    package enum Examination: Hashable, Sendable {
        case passed
        /// The disk does not give or take all of it.
        case failed
        /// Something else stood in the way.
        case unknown
    }

    /// Why there is no index at this moment; nil while there is one.
    package var loss: IndexError? { life.loss }

    /// Makes an empty index in the place of one that is useless. That one is kept beside it, and what
    /// people asked for is taken over from it where it can be read. One that only could not be opened
    /// is opened, and one that was away and is back is used again: all that was done to it meanwhile was
    /// done to the same file.
    ///
    /// - Throws: What stands in the way; then all goes on failing with `.lost`.
    package func renew() async throws(IndexError) {
        if isClosed { throw IndexError(.closed, "the index is closed") }
        if let file, life.loss?.code == .replaced, file.isWholeInPlace {
            return life.begin(file.epoch, file.identity, file.watch)
        }
        await giveUp()
        // What they have found would hold for the next one as well.
        let code = life.loss?.code
        if code == .readOnly || code == .struck {
            guard await life.leases.recall(within: Self.recallTime) else {
                throw IndexError(.busy, "not all who read the index have closed it yet")
            }
            if code == .struck { try wipeShared() }
        } else {
            // One that nobody asks anything would keep a deleted file.
            life.leases.ask()
        }
        if isClosed { throw IndexError(.closed, "the index is closed") }
        let downloads: [QueuedDownload] = state.withLockedValue { state in
            if case .lost(let kept) = state { kept } else { [] }
        }
        do throws(IndexError) {
            let place = IndexPlace(path: life.path)
            let isUseless = life.loss.map { $0.code == .corrupt || $0.code == .replaced } ?? false
            if isUseless { try place.setAside() } else { try place.finish() }
            try open(epoch: life.nextEpoch())
        } catch {
            // A fault that is in the way of the same try again must not hide why it was made.
            if error.code == .corrupt || error.code == .struck { life.note(error) }
            throw error
        }
        for download in downloads { _ = try await enqueue(download.download) }
    }

    /// For readers to let go of an index that is to be opened again [1 s].
    private static let recallTime = Duration.seconds(1)

    /// Takes what can be taken from the file in use, and closes it.
    private func giveUp() async {
        guard let file, file.refuseChanges(IndexError(.lost, "the index was lost")) else { return }
        // They are in what is opened again, which shows them as they are.
        let downloads = life.loss?.code == .struck ? [] : await file.salvageDownloads()
        // Nothing is expected of it any more.
        try? file.close()
        state.withLockedValue { state in
            if case .open = state { state = .lost(downloads) }
        }
    }
}

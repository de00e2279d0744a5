import PlatterCore
package import PlatterStore

/// What became of an entry whose file could not be opened.
package enum Removal: Hashable, Sendable {
    /// It is forgotten, and its file is gone.
    case removed
    /// Somebody reads or writes it: from what was open before.
    case inUse
    /// Its file can be opened by now, or nothing can be said of it because the folder is not in its place.
    case usable
    /// Its file may neither be read nor removed.
    case stays(DiskError)
}

/// Entries whose files cannot be opened.
extension Evictor {
    /// Forgets an entry whose file has gone or is of no use, and removes the file, unless somebody has the entry in
    /// use. On a thread that may block.
    package func removeUseless(_ record: EntryRecord) async throws(IndexError) -> Removal {
        var pass = makePass()
        return try await pass.removeUseless(record)
    }

    /// The same for who wants to read it. One that is in use, by who opened it before, is only taken from the
    /// front, so that who comes next opens another one.
    ///
    /// - Returns: Whether the index may be asked again.
    func giveUp(_ record: EntryRecord) async throws(IndexError) -> Bool {
        switch try await removeUseless(record) {
        case .removed, .usable: return true
        case .stays: return false
        case .inUse: break
        }
        let result: Result<Void, IndexError> = await withCheckedContinuation { continuation in
            // Resumed once: the writer reports every change exactly once.
            index.supersede(record.id, at: wallClock()) { continuation.resume(returning: $0) }
        }
        try result.get()
        return true
    }

    /// A reader has seen that the file has lost its name. It reads on; when the file is still missing after a
    /// while, and nobody reads it then, its entry is forgotten. Else the next round of `LostFileSweep` does it.
    package func lookLater(at record: EntryRecord) {
        delay(LostFileSweep.grace) { [weak self] in
            guard let self else { return }
            Task(executorPreference: executor) { _ = try? await self.removeLost(record) }
        }
    }

    /// `giveUp` from where nothing may block.
    ///
    /// - Parameter completion: Called once, on any thread.
    package func giveUp(
        _ record: EntryRecord, completion: @escaping @Sendable (Result<Bool, IndexError>) -> Void
    ) {
        Task(executorPreference: executor) {
            do throws(IndexError) {
                completion(.success(try await self.giveUp(record)))
            } catch {
                completion(.failure(error))
            }
        }
    }
}

extension Disk {
    /// Why a file can be opened by nobody, for good as it seems; nil when it can, when that may pass, and where
    /// the folder is not in its place.
    func faultForGood(of name: DataFileName) -> DiskError? {
        guard isInPlace else { return nil }
        do throws(DiskError) {
            _ = try openFile(name, left: nil)
            return nil
        } catch {
            return error.code.isForGood && isInPlace ? error : nil
        }
    }
}

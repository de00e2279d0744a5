import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore

/// The files of which it is still to be asked whether all that was written reached the disk. They stay
/// open until then: who opens a file later is not told. But not once they are removed, for their room
/// would not come back.
final class UnsettledFiles: Sendable {
    private let files = NIOLockedValueBox<[EntryID: Entry.Opened]>([:])

    /// - Returns: Whether it is among them now; false when there are `limit` others.
    func add(_ opened: Entry.Opened, limit: Int) -> Bool {
        files.withLockedValue { files in
            guard files[opened.record.id] != nil || files.count < limit else { return false }
            files[opened.record.id] = opened
            return true
        }
    }

    var isEmpty: Bool { files.withLockedValue { $0.isEmpty } }

    func takeAll() -> [Entry.Opened] {
        files.withLockedValue { files in
            defer { files = [:] }
            return Array(files.values)
        }
    }

    /// An entry was deleted; its file is about to be.
    func remove(_ id: EntryID) {
        // Closed outside of the lock.
        let removed = files.withLockedValue { $0.removeValue(forKey: id) }
        withExtendedLifetime(removed) {}
    }
}

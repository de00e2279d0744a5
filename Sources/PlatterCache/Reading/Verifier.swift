package import Logging
import NIOConcurrencyHelpers
import PlatterCore
package import PlatterStore

/// Compares runs that were recorded before the last boot with their checksums, before their first
/// byte is served. Many readers of one run wait for one comparison.
package final class Verifier: Sendable {
    private struct Key: Hashable {
        let entry: EntryID
        let start: Int64
    }

    private let waiting = NIOLockedValueBox<[Key: [@Sendable (Wakeup) -> Void]]>([:])
    private let index: IndexWriter
    private let damage: DamageWatch
    private let executor: any TaskExecutor
    private let log: Logger

    package init(
        index: IndexWriter, damage: DamageWatch, executor: any TaskExecutor, log: Logger
    ) {
        self.index = index
        self.damage = damage
        self.executor = executor
        self.log = log
    }

    /// - Parameter wake: Called once, when the index says whether the run may be served.
    func verify(
        _ run: StoredRun, of opened: Entry.Opened, wake: @escaping @Sendable (Wakeup) -> Void
    ) {
        let key = Key(entry: opened.record.id, start: run.range.lowerBound)
        let isFirst = waiting.withLockedValue { waiting in
            waiting[key, default: []].append(wake)
            return waiting[key]?.count == 1
        }
        guard isFirst else { return }
        Task(executorPreference: executor) { [self] in
            let untouched = Untouched(opened.file)
            // A damaged row may say anything; a run lies within one chunk.
            let isSane =
                run.range.upperBound <= opened.completeLength
                && run.range.length <= opened.grid.chunkLength
            switch isSane ? compare(run, of: opened) : .unreadable {
            case .intact:
                index.stampVerified(
                    run, in: opened.record.id, holds: { untouched.holds },
                    completion: { self.finish(key, $0.isSuccess) })
            case .different:
                drop(run, of: opened) { [damage] isUnexcused in
                    // Nor is the disk to blame for what somebody has done just now.
                    if isUnexcused, !Self.isForeign(opened.file) {
                        damage.damaged(opened.record.id, at: run.range.lowerBound)
                    }
                }
            case .unreadable: drop(run, of: opened)
            }
        }
    }

    private enum Comparison { case intact, different, unreadable }

    private func compare(_ run: StoredRun, of opened: Entry.Opened) -> Comparison {
        do {
            let found = try Checksum.crc32c(of: opened.file, range: run.range)
            return found == run.crc32c ? .intact : .different
        } catch {
            log.error(
                "The disk cannot be read", metadata: opened.record.naming(["error": "\(error)"]))
            if error.code == .io {
                damage.damaged(opened.record.id, at: run.range.lowerBound)
            }
            return .unreadable
        }
    }

    private static func isForeign(_ file: any DataFile) -> Bool {
        do throws(DiskError) {
            return try file.foreignChange() != nil
        } catch {
            return true
        }
    }

    /// - Parameter dropped: As of `IndexWriter.dropDamaged`.
    private func drop(
        _ run: StoredRun, of opened: Entry.Opened,
        _ dropped: @escaping @Sendable (Bool) -> Void = { _ in }
    ) {
        log.error(
            "Bytes on disk are damaged and will be fetched again",
            metadata: opened.record.naming([
                "file": "\(opened.file.path)", "range": "\(run.range)",
            ]))
        let key = Key(entry: opened.record.id, start: run.range.lowerBound)
        index.dropDamaged(run, of: opened.record.id) { result in
            if case .success(let isUnexcused) = result { dropped(isUnexcused) }
            self.finish(key, result.isSuccess)
        }
    }

    /// - Parameter isNoted: Else the index would say the same again, and again.
    private func finish(_ key: Key, _ isNoted: Bool) {
        let wakes = waiting.withLockedValue { $0.removeValue(forKey: key) ?? [] }
        for wake in wakes { wake(isNoted ? .look : .failed(.store)) }
    }
}

extension Result {
    fileprivate var isSuccess: Bool {
        if case .success = self { return true }
        return false
    }
}

package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
import PlatterStore

/// Sees to it that what flights have written reaches the disk itself. The system writes it there when it
/// likes; if that fails it tells only who asks, once, and the memory that still has the bytes is used
/// for something else: the next reader would get what was there before. Nobody waits for it: files are
/// asked a while after a flight has landed, one after the other, on a thread that may block.
package final class Settler: Sendable {
    private struct State {
        var isDue = false
        /// The last one that was begun.
        var round: Task<Void, Never>?
        var isStopped = false
    }

    /// Between a landing and the question, so that one file is asked this often at most [5 s].
    static let pause = Duration.seconds(5)
    /// Files that wait for it [64]. When there are more, who brings one asks at once.
    static let mostWaiting = 64

    private let state = NIOLockedValueBox(State())
    private let waiting: UnsettledFiles
    private let admission: Admission
    private let evictor: Evictor
    private let damage: DamageWatch
    private let executor: any TaskExecutor
    private let delay: Delay
    private let log: Logger

    /// - Parameter executor: Its threads may block.
    package init(
        table: EntryTable, admission: Admission, evictor: Evictor, damage: DamageWatch,
        executor: any TaskExecutor, delay: @escaping Delay, log: Logger
    ) {
        waiting = table.unsettled
        self.admission = admission
        self.evictor = evictor
        self.damage = damage
        self.executor = executor
        self.delay = delay
        self.log = log
    }

    /// A flight has landed. On a thread that may block.
    func landed(_ opened: Entry.Opened) {
        guard !opened.file.isSettled(0..<Int64.max) else { return }
        let isStopped = state.withLockedValue { $0.isStopped }
        guard !isStopped, waiting.add(opened, limit: Self.mostWaiting) else {
            return settle(opened)
        }
        let isFirst = state.withLockedValue { state in
            defer { state.isDue = true }
            return !state.isDue
        }
        if isFirst { wait() }
    }

    private func wait() {
        delay(Self.pause) { [weak self] in
            guard let self else { return }
            let round = Task(executorPreference: executor) { self.settleWaiting() }
            state.withLockedValue { $0.round = round }
        }
    }

    private func settleWaiting() {
        for opened in waiting.takeAll() { settle(opened) }
        let isNext = state.withLockedValue { state in
            state.isDue = !waiting.isEmpty && !state.isStopped
            return state.isDue
        }
        if isNext { wait() }
    }

    /// Before bytes of the range are read that are not in memory any more: that they were lost must be
    /// known by then. On a thread that may block.
    package func settle(_ opened: Entry.Opened, for range: ByteRange) {
        if !opened.file.isSettled(range) { settle(opened) }
    }

    private func settle(_ opened: Entry.Opened) {
        do throws(DiskError) {
            try opened.file.settle()
        } catch {
            log.error(
                "What was written did not reach the disk; it is checked before it is used",
                metadata: ["error": "\(error)"])
            admission.refused(error)
            if error.isForWantOfRoom { evictor.look() }
            if error.code == .io { damage.damaged(opened.record.id, at: 0) }
            damage.distrust(opened, because: error.code == .io ? .failure : .excused)
        }
    }

    /// No flight lands any more. Asks for what is left.
    package func stop() async {
        let round = state.withLockedValue { state in
            state.isStopped = true
            return state.round
        }
        // What it learns has to reach the index too.
        await round?.value
        await Task(executorPreference: executor) { self.settleWaiting() }.value
    }
}

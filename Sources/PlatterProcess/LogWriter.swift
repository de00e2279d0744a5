/// What a program is to the system around it: the signals that it is sent, and the log that it writes.

import Dispatch
import Foundation
import Logging
import NIOConcurrencyHelpers

/// Writes a log on a thread of its own, so that nobody who logs waits for a reader that does not read or
/// a disk that stands still.
package final class LogWriter: TextOutputStream, Sendable {
    private struct State {
        var queue = LogQueue()
        /// Who waits for all of it to be written.
        var waiting: [DispatchSemaphore] = []
    }

    private let state: NIOLockedValueBox<State>
    /// Given once each time that the queue has something again.
    private let news = DispatchSemaphore(value: 0)

    /// - Parameter descriptor: Used for as long as the program runs. It may block or not.
    package init(descriptor: Int32, limits: LogQueue.Limits = .init()) {
        state = NIOLockedValueBox(State(queue: LogQueue(limits: limits)))
        // A reader that is gone is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        let thread = Thread { [self] in run(descriptor) }
        thread.name = "log"
        thread.start()
    }

    /// Takes a line, which ends with a line feed. Never waits.
    package func write(_ line: String) {
        let wasIdle = state.withLockedValue { state in
            let wasIdle = state.queue.isIdle
            // What is dropped is counted there.
            _ = state.queue.append(line)
            return wasIdle && !state.queue.isIdle
        }
        if wasIdle { news.signal() }
    }

    /// Waits until everything is written, but not for ever.
    ///
    /// - Parameter limit: Seconds [1]: whoever ends the program waits for it.
    /// - Returns: Whether everything is.
    @discardableResult
    package func flush(within limit: Double = 1) -> Bool {
        let written = DispatchSemaphore(value: 0)
        let isIdle = state.withLockedValue { state in
            if !state.queue.isIdle { state.waiting.append(written) }
            return state.queue.isIdle
        }
        return isIdle || written.wait(timeout: .now() + limit) == .success
    }

    // MARK: - The thread

    private func run(_ descriptor: Int32) {
        var output = LogOutput(descriptor: descriptor)
        while true {
            news.wait()
            while let batch = next() {
                let notice = batch.lostBefore == 0 ? [] : [Self.notice(lost: batch.lostBefore)]
                let written = output.write(notice + batch.lines)
                // Who was not told of the lines before will be told of all together.
                let untold = written < notice.count ? batch.lostBefore : 0
                let unwritten = batch.lines.count - max(0, written - notice.count)
                if untold + unwritten > 0 {
                    state.withLockedValue { $0.queue.failed(unwritten: untold + unwritten) }
                }
            }
        }
    }

    private func next() -> LogQueue.Batch? {
        let (batch, told) = state.withLockedValue { state in
            let batch = state.queue.takeBatch()
            guard batch == nil else { return (batch, [DispatchSemaphore]()) }
            defer { state.waiting = [] }
            return (batch, state.waiting)
        }
        for waiting in told { waiting.signal() }
        return batch
    }

    /// A line like the others.
    private static func notice(lost: Int) -> String {
        let line = Line()
        let log = Logger(label: "platter") { StreamLogHandler(label: $0, stream: line) }
        log.warning(
            "Lines of the log are missing here: they could not be written in time",
            metadata: ["lines": "\(lost)"])
        return line.text.withLockedValue { $0 }
    }

    private final class Line: TextOutputStream, Sendable {
        let text = NIOLockedValueBox("")
        func write(_ string: String) { text.withLockedValue { $0 += string } }
    }
}

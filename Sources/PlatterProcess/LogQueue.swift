/// Lines of the log on their way to whoever reads it. Who logs never waits: what finds no room is left
/// out and counted, and the count comes out where the lines are missing. Pure.
///
///     append -> accepted: takeBatch -> written, or failed(unwritten)
///           \-> dropped:  told by the next batch
package struct LogQueue: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case accepted
        case dropped
    }

    /// Lines [1,000] and bytes [256 KiB] that may wait. As many again may be under way.
    package struct Limits: Hashable, Sendable {
        package var lines = 1_000
        package var bytes = 256 << 10

        package init() {}
    }

    /// What is written at once.
    package struct Batch: Hashable, Sendable {
        /// Lines that are missing before the first of these.
        package let lostBefore: Int
        package let lines: [String]

        package init(lostBefore: Int, lines: [String]) {
            self.lostBefore = lostBefore
            self.lines = lines
        }
    }

    private let limits: Limits
    private var lines: [String] = []
    private var bytes = 0
    private var lostBefore = 0
    private var lostBehind = 0
    /// The last batch could not be written: a count alone is not worth another try.
    private var hasFailed = false
    /// Nothing waits, and nothing is under way.
    package private(set) var isIdle = true

    package init(limits: Limits = Limits()) { self.limits = limits }

    package mutating func append(_ line: String) -> Verdict {
        let length = line.utf8.count
        // Once one is missing all behind it are, until there is a place to say so.
        guard lostBehind == 0, lines.count < limits.lines, length <= limits.bytes - bytes else {
            lose(1)
            return .dropped
        }
        lines.append(line)
        bytes += length
        isIdle = false
        return .accepted
    }

    private mutating func lose(_ count: Int) {
        if lines.isEmpty {
            lostBefore += count
        } else {
            lostBehind += count
        }
        if !hasFailed { isIdle = false }
    }

    /// What is to be written next, once the batch before it is written or has failed; nil when that is
    /// nothing.
    package mutating func takeBatch() -> Batch? {
        guard !lines.isEmpty || (lostBefore > 0 && !hasFailed) else {
            isIdle = true
            return nil
        }
        let batch = Batch(lostBefore: lostBefore, lines: lines)
        (lines, bytes, lostBefore, lostBehind) = ([], 0, lostBehind, 0)
        hasFailed = false
        return batch
    }

    /// Not all of a batch could be written.
    ///
    /// - Parameter unwritten: Its lines that are missing, and those that it was to tell of.
    package mutating func failed(unwritten: Int) {
        hasFailed = true
        lostBefore += unwritten
    }
}

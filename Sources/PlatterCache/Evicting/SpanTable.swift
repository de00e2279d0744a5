import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// The parts of an entry that must stay as they are.
package struct Spans: Hashable, Sendable {
    /// What players are being sent now, what they may soon ask for, and a little behind them.
    package var readers: [ByteRange] = []
    /// What flights have written and the index does not say yet, and what they are still to write.
    package var flights: [ByteRange] = []

    package init() {}

    /// Whether nobody needs a byte of `range`.
    package func leaveFree(_ range: ByteRange) -> Bool {
        !readers.contains { $0.overlaps(range) } && !flights.contains { $0.overlaps(range) }
    }
}

/// Who needs which bytes of which entry at this moment: what eviction must leave alone.
///
/// By data file, not by object: a version that was superseded, and so is known to its readers only, is
/// protected like any other. Nor by the index's number of the entry: an index that is opened again knows the
/// same file by another. The order of events is what keeps bytes from being taken away under a reader:
///
///     reader:   sets its span ──────── looks the row up ─ sends the bytes
///     flight:   sets its span ─ writes ─ row is committed ─ removes its span
///     evictor:  row is dropped ─ no span? no row? ─ punches
///
/// A reader that found the row has set its span before the row was dropped, so the evictor sees the
/// span. A reader that sets it later finds no row. A flight waits with its first byte while a hole is
/// being punched; one that was there before has a span, and one that came and went has left a row.
///
/// Who reads few bytes at once needs no span (`KnownEntry`): it looks after its read, whether a row was deleted or a
/// hole begun since before it, and gives its bytes to nobody then.
package final class SpanTable: Sendable {
    package enum Role: Hashable, Sendable {
        case reader
        case flight
    }

    /// Condemned entries that are remembered [1024]: their files' names never come back, and who looked one
    /// up before it was deleted is long gone by then.
    static let condemnedLimit = 1024

    private struct Span {
        var range: ByteRange
        let role: Role
    }

    private struct State {
        var spans: [DataFileName: [UInt64: Span]] = [:]
        var condemned: Set<DataFileName> = []
        var order: [DataFileName] = []
        var nextNumber: UInt64 = 1
        var readers = 0
        var released: @Sendable () -> Void = {}
    }

    private let state = NIOLockedValueBox(State())
    /// Held while a hole is punched, some milliseconds: taken by flights, on threads that may block,
    /// and never by readers.
    private let punching = NIOLock()

    package init() {}

    /// - Parameter action: Called on any thread whenever a span is removed; it must not block.
    package func whenReleased(_ action: @escaping @Sendable () -> Void) {
        state.withLockedValue { $0.released = action }
    }

    /// Protects a range for as long as the returned object lives.
    ///
    /// - Parameter role: A flight must be on a thread that may block.
    /// - Returns: nil when the entry is about to be deleted: whoever asks starts again from the index.
    package func hold(_ range: ByteRange, of file: DataFileName, as role: Role) -> Hold? {
        let span = Span(range: range, role: role)
        switch role {
        case .reader: return insert(span, file)
        case .flight: return punching.withLock { insert(span, file) }
        }
    }

    private func insert(_ span: Span, _ file: DataFileName) -> Hold? {
        state.withLockedValue { state in
            guard !state.condemned.contains(file) else { return nil }
            let number = state.nextNumber
            state.nextNumber += 1
            state.spans[file, default: [:]][number] = span
            if span.role == .reader { state.readers += 1 }
            return Hold(table: self, file: file, number: number)
        }
    }

    fileprivate func move(_ number: UInt64, of file: DataFileName, to range: ByteRange) {
        state.withLockedValue { $0.spans[file]?[number]?.range = range }
    }

    fileprivate func release(_ number: UInt64, of file: DataFileName) {
        let released = state.withLockedValue { state in
            let span = state.spans[file]?.removeValue(forKey: number)
            if span?.role == .reader { state.readers -= 1 }
            if state.spans[file]?.isEmpty == true { state.spans[file] = nil }
            return state.released
        }
        released()
    }

    /// How many readers protect something now, of all files together.
    var readers: Int { state.withLockedValue { $0.readers } }

    // MARK: - What eviction asks

    package func spans(of file: DataFileName) -> Spans {
        state.withLockedValue { state in
            var spans = Spans()
            for span in (state.spans[file] ?? [:]).values {
                switch span.role {
                case .reader: spans.readers.append(span.range)
                case .flight: spans.flights.append(span.range)
                }
            }
            return spans
        }
    }

    /// Does something to bytes that nobody needs; no flight starts to write meanwhile. Does nothing
    /// when somebody needs them.
    func whileFree<Failure: Error>(
        _ range: ByteRange, of file: DataFileName, _ body: () throws(Failure) -> Void
    ) throws(Failure) {
        punching.lock()
        defer { punching.unlock() }
        if spans(of: file).leaveFree(range) { try body() }
    }

    /// Takes an entry that nobody needs out of use, so that it can be deleted.
    ///
    /// - Returns: Whether nobody needs it.
    func condemn(_ file: DataFileName) -> Bool {
        state.withLockedValue { state in
            guard state.spans[file] == nil else { return false }
            guard state.condemned.insert(file).inserted else { return true }
            state.order.append(file)
            if state.order.count > Self.condemnedLimit {
                state.condemned.remove(state.order.removeFirst())
            }
            return true
        }
    }

    /// It is not deleted after all.
    func pardon(_ file: DataFileName) {
        state.withLockedValue { state in
            state.condemned.remove(file)
            state.order.removeAll { $0 == file }
        }
    }

    func isCondemned(_ file: DataFileName) -> Bool {
        state.withLockedValue { $0.condemned.contains(file) }
    }
}

/// Protects a range of an entry from eviction until it is released or let go of.
package final class Hold: Sendable {
    private let table: SpanTable
    private let file: DataFileName
    private let number: UInt64

    fileprivate init(table: SpanTable, file: DataFileName, number: UInt64) {
        self.table = table
        self.file = file
        self.number = number
    }

    /// Protects these bytes from now on, and no longer the ones before.
    package func move(to range: ByteRange) { table.move(number, of: file, to: range) }

    deinit { table.release(number, of: file) }
}

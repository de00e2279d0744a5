package import PlatterCore
package import PlatterHTTP
package import PlatterStore

/// One player request for a range of an open entry. Says, position by position, where the next bytes
/// are; asks the scheduler for what is missing; keeps read-ahead going at the pace of the client.
///
/// Not Sendable: it lives on the event loop of its connection. Hit and miss take the same way: bytes
/// are handed on from the file, and a miss only waits until they are in it.
package final class Reader {
    /// What the connection does next.
    package enum Step: Hashable, Sendable {
        /// Hand these bytes on from the entry's file.
        case run(ByteRange)
        /// Nothing to hand on yet; `wake` will be called.
        case wait
        /// All was handed on.
        case end
        /// The store cannot help: stream the rest from the origin.
        case failed(FetchFailure)
    }

    /// At most so much is looked up at once, so that a long response notices a deletion [4 MiB].
    static let windowLength: Int64 = 4 << 20
    /// The read-ahead is looked at again after so many bytes [256 KiB].
    static let adviceLength: Int64 = 256 << 10

    package let entry: Entry
    package let opened: Entry.Opened
    package private(set) var range: ByteRange
    /// The next byte to hand on.
    package private(set) var position: Int64
    /// Bytes that were on disk when asked for, and those that had to be waited for.
    package private(set) var hasWaited = false
    /// See `DataFile.acceptedChangeCount`: before the last look-up, which holds for no other.
    package private(set) var acceptedChanges = 0
    /// The last `wait` is for a comparison of bytes that are on disk.
    package private(set) var isComparing = false
    /// Why the index did not answer, for who is told `.failed(.store)`.
    package private(set) var indexError: IndexError?

    private let services: ReaderServices
    private let client: ClientID
    private let demand: DemandID
    private var isRegistered: Bool
    private var readAhead: ReadAhead
    private var advisedAt: Int64
    private let wake: @Sendable (Wakeup) -> Void
    /// Keeps the bytes around the position from being evicted for as long as this object lives, and
    /// so also while the last slice is on its way to the socket. nil: the entry is being deleted.
    private var hold: Hold?
    private var heldEnd: Int64 = 0
    private var isClosed = false
    /// What was fetched ahead failed: nothing more is, until the reader has to wait and asks again.
    private var isDiscouraged = false

    /// - Parameters:
    ///   - range: Within the entry.
    ///   - demand: A number of its own.
    ///   - isRegistered: The demand is registered already, because its request opened the entry.
    ///   - wake: Called on any thread when a `wait` may be over.
    package init(
        entry: Entry, opened: Entry.Opened, range: ByteRange, client: ClientID,
        demand: DemandID, isRegistered: Bool, services: ReaderServices,
        wake: @escaping @Sendable (Wakeup) -> Void
    ) {
        self.entry = entry
        self.opened = opened
        self.range = range
        position = range.lowerBound
        advisedAt = range.lowerBound
        self.client = client
        self.demand = demand
        self.isRegistered = isRegistered && services.queue.isRegistered(demand, of: entry)
        // What was opened may have been found under another number since: the flights of the old one
        // would wake this reader for bytes that it does not see.
        if isRegistered, !self.isRegistered { services.queue.leave(demand) }
        self.services = services
        self.wake = wake
        readAhead = ReadAhead(
            settings: entry.readAhead(services.readAhead), start: range.lowerBound,
            now: services.clock.now)
        // Its own hold, which counts as well, is not there yet.
        let span = span(at: position, services.share(of: services.spans.readers + 1))
        hold = services.spans.hold(span, of: opened.record.file, as: .reader)
        heldEnd = span.upperBound
    }

    /// Reads ahead no further than its share from now on.
    private func span(at position: Int64, _ share: ReaderShare) -> ByteRange {
        readAhead.most = share.ahead
        let window = max(readAhead.windowEnd, position.addingClamped(Self.windowLength))
        let start = max(0, position - share.behind)
        return start..<max(start, min(range.upperBound, window))
    }

    /// Protects what is about to be looked up. Before the look-up: who finds a row that is being
    /// dropped must have been seen before its bytes are taken away.
    private func protect(from position: Int64, upTo end: Int64) {
        guard end > heldEnd else { return }
        let span = span(at: position, services.share(of: services.spans.readers))
        hold?.move(to: span)
        heldEnd = span.upperBound
    }

    /// Where the next bytes are.
    package func next(index: IndexReader) -> Step {
        isComparing = false
        guard position < range.upperBound else { return .end }
        guard hold != nil, !opened.file.isDetached else { return .failed(.changed) }
        acceptedChanges = opened.file.acceptedChangeCount
        let limit = min(range.upperBound, position.addingClamped(Self.windowLength))
        protect(from: position, upTo: limit)
        do {
            switch try index.presence(of: opened.record.id, at: position, upTo: limit) {
            case .present(let run): return .run(run)
            case .unverified(let run):
                hasWaited = true
                isComparing = true
                services.verifier.verify(run, of: opened, wake: wake)
                return .wait
            case .absent: break
            }
        } catch {
            indexError = error
            return .failed(.store)
        }
        if let disturbance = entry.disturbance {
            services.queue.distrust(entry)
            entry.marksDistrusted(for: disturbance)
        }
        if let end = services.queue.landedEnd(of: entry, at: position) {
            return .run(position..<min(end, limit))
        }
        wait()
        return .wait
    }

    private func wait() {
        hasWaited = true
        isDiscouraged = false
        let now = services.clock.now
        let end = min(range.upperBound, readAhead.wantedEnd(from: position))
        let deadline = now.advanced(by: services.waits.head)
        if isRegistered {
            services.queue.wait(
                demand, at: position, upTo: end, stride: readAhead.stride, deadline: deadline)
        } else {
            var wanted = makeDemand(position..<end)
            wanted.isWaiting = true
            wanted.deadline = deadline
            register(wanted)
        }
    }

    private func makeDemand(_ range: ByteRange) -> Demand {
        Demand(
            entry: entry.handle, origin: entry.resource.origin, client: client, range: range,
            level: .high, stride: readAhead.stride)
    }

    private func register(_ wanted: Demand) {
        isRegistered = true
        services.queue.register(demand, wanted, of: entry, wake: wake)
        services.queue.clientMovedOn(client, of: entry, newest: demand)
    }

    /// Questions about one range [64], each of many rows: so long ones are of many terabytes.
    private static let outcomeLimit = 64

    /// Whether the range is all on disk, in part or not at all.
    package func outcome(index: IndexReader) -> CacheStatus.Outcome {
        var end = range.lowerBound
        for _ in 0..<Self.outcomeLimit where end < range.upperBound {
            let presence = try? index.presence(
                of: opened.record.id, at: end, upTo: range.upperBound)
            switch presence {
            case .present(let run): end = run.upperBound
            case .unverified: return .forward(.partial)
            case .absent, nil: return .forward(end > range.lowerBound ? .partial : .miss)
            }
        }
        return end < range.upperBound ? .forward(.partial) : .hit
    }

    /// The first byte from `position` on that is on disk, compared or not; the end of the range when none
    /// is, or when that cannot be told.
    package func nextPresent(from position: Int64, index: IndexReader) -> Int64 {
        let presence = try? index.presence(
            of: opened.record.id, at: position, upTo: range.upperBound)
        switch presence {
        case .present, .unverified: return position
        case .absent(let gap): return gap.upperBound
        case nil: return range.upperBound
        }
    }

    /// Ask for another connection: the wait has lasted too long.
    package func hedge() {
        if isRegistered { services.queue.overdue(demand) }
    }

    /// These bytes are on their way to the client; the next step starts behind them.
    package func handedOn(upTo newPosition: Int64) { position = newPosition }

    /// The client has taken all bytes before `newPosition`.
    package func taken(upTo newPosition: Int64, index: IndexReader) {
        readAhead.read(upTo: newPosition, now: services.clock.now)
        guard newPosition - advisedAt >= Self.adviceLength else { return }
        advisedAt = newPosition
        protect(from: newPosition, upTo: .max)
        if newPosition - range.lowerBound >= services.fillThreshold {
            services.filler?.fill(entry, opened)
        }
        keepAhead(from: newPosition, index: index)
    }

    /// Registers, or moves on, what is to be fetched ahead. Never past the end of what was asked for.
    private func keepAhead(from position: Int64, index: IndexReader) {
        let end = min(range.upperBound, readAhead.windowEnd)
        guard position < end, !isDiscouraged else { return }
        guard isRegistered || !readAhead.isProbe else { return }
        if !isRegistered {
            guard let gap = try? index.firstGap(of: opened.record.id, in: position..<end) else {
                return
            }
            register(makeDemand(gap.lowerBound..<end))
        } else {
            services.queue.move(demand, to: position..<end, stride: readAhead.stride)
        }
    }

    /// The demand has failed, whoever said so; the next wait registers it again.
    package func forgotten() {
        if isRegistered { services.queue.leave(demand) }
        isRegistered = false
        isDiscouraged = true
    }

    /// The client was told to come back: what it waits for is on its way for a while yet.
    package func linger() {
        guard isRegistered else { return }
        isRegistered = false
        services.queue.linger(demand, for: services.waits.linger)
    }

    /// The client has gone, or has all it asked for.
    package func close() {
        if isRegistered { services.queue.leave(demand) }
        isRegistered = false
        guard !isClosed else { return }
        isClosed = true
        services.closed(entry, opened, taken: readAhead.taken, asked: range.length)
    }
}

/// What all readers share.
package struct ReaderServices: Sendable {
    package let queue: FetchDispatcher
    package let verifier: Verifier
    package let spans: SpanTable
    package let accesses: AccessNotes
    package let clock: any MonotonicClock
    package let readAhead: ReadAhead.Settings
    package let waits: WaitDeadlines.Settings
    /// So much behind a reader is kept from being evicted: players skip back [16 MiB].
    package let keptBehind: Int64
    /// The bytes that the cache may take; see `ReaderShare` [no limit].
    package let room: Int64
    /// Bytes read in a row after which an entry is filled to completion [16 MiB].
    package let fillThreshold: Int64
    /// nil: background fill is off.
    package let filler: Filler?

    package init(
        queue: FetchDispatcher, verifier: Verifier, spans: SpanTable, accesses: AccessNotes,
        clock: any MonotonicClock,
        readAhead: ReadAhead.Settings = .init(), waits: WaitDeadlines.Settings = .init(),
        keptBehind: Int64 = 16 << 20, room: Int64 = .max, fillThreshold: Int64 = 16 << 20,
        filler: Filler?
    ) {
        self.queue = queue
        self.verifier = verifier
        self.spans = spans
        self.accesses = accesses
        self.clock = clock
        self.readAhead = readAhead
        self.waits = waits
        self.keptBehind = keptBehind
        self.room = room
        self.fillThreshold = fillThreshold
        self.filler = filler
    }

    /// Somebody was given what there is of an open entry, or has gone.
    ///
    /// - Parameters:
    ///   - taken: Bytes that it took.
    ///   - asked: Bytes that it had asked for.
    package func closed(_ entry: Entry, _ opened: Entry.Opened, taken: Int64, asked: Int64) {
        entry.readerClosed(taken: taken, asked: asked, settings: readAhead)
        accesses.note(opened.record.id)
    }
}

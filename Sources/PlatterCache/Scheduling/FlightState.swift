package import PlatterCore

/// What the scheduler knows of a flight.
///
///     ordered --planned--> flying --landed--> landed --recorded--> gone
///        |                   |
///        +--- (nothing missing, failed): gone or landed
struct FlightState: Hashable, Sendable {
    enum Phase: Hashable, Sendable {
        /// The shell was asked to start it and looks in the index for what is really missing.
        case ordered
        /// A request is out.
        case flying
        /// The transfer is over; its bytes are not all in the index yet.
        case landed
    }

    let entry: EntryHandle
    let key: CacheKey
    let origin: OriginID
    let client: ClientID
    var phase = Phase.ordered
    /// Opens the entry: its length is not known before the response.
    var opens: Bool
    /// The demand it was started for, and how far the index was to be searched for it.
    let demand: DemandID
    let isForReader: Bool
    let searchEnd: Int64
    let length: Int64
    /// What it is to bring. A flight that opens by suffix has an empty range until its response.
    var range: ByteRange
    /// High-water mark: the bytes `range.lowerBound ..< mark` are in the file.
    var mark: Int64
    /// What its connection brings, as far as is known.
    var pace = Pace.unknown
    var startedAt = Moment.start
    /// When the last byte came, or when it was ordered.
    var heardAt = Moment.start
    /// When it was last told to take nothing for a while.
    var pausedAt: Moment?
    /// No byte came for a while: it uses no line, so others may start beside it.
    var isSilent = false
    /// It was silent and brings bytes again: one more than there is room for, perhaps.
    var hasReturned = false
    /// It is to open an entry, and has not had the time for it yet. Where nobody waits for it any more others
    /// still let it be: of a crowd that gives up one after the other each would stop the request of the last.
    var isFresh = false
    /// Told to stop; still holds its slot.
    var isCancelled = false
    /// Told where to end, because another one brings what comes then.
    var isLimited = false
    /// It brings everything from the start, whatever was asked.
    var isWhole = false
    /// The flight that it runs beside for the same bytes, because that one was slow to answer.
    var hedgeOf: FlightID?
    /// Its end is so near that the next one may start.
    var isEnding = false
    /// What was known of its origin when it began, in bytes as in `Pace.soon`, until it has had the time of
    /// a turn: the first tenth of a second may say more of a busy machine than of the connection.
    var expectedSoon: Int64 = 0
    /// When its first bytes came.
    var firstHeardAt: Moment?

    /// Somebody else has changed the file: nobody reads what landed before the index has it, and when the
    /// flight is over nobody asks for that again before then.
    var isDistrusted = false
    /// Where what it brought before that begins, while it flies.
    var distrustedStart: Int64?

    /// Holds a connection.
    var isActive: Bool { phase != .landed }
    /// Brings bytes, as far as is known.
    var usesLine: Bool { isActive && !isSilent }
    var isRunning: Bool { isActive && !isCancelled }
    /// Its slot will be free soon: it was told to stop, or has brought all or nearly all.
    var isLeaving: Bool {
        isCancelled || (phase == .flying && remaining <= (pace.isMeasured ? pace.near : 0))
    }
    /// It serves a reader, and will end before long or has not had the time to show how fast it is:
    /// another reader waits for its slot rather than that its last bytes are thrown away.
    var isSpared: Bool {
        guard !isCancelled, isForReader, hedgeOf == nil else { return false }
        return phase == .flying ? remaining <= max(pace.soon, expectedSoon) : opens && isFresh
    }
    /// Nobody waits any more for its end, which was to come soon.
    mutating func disappoint() {
        pace = Pace(handover: 0, near: 0, soon: 0)
        expectedSoon = 0
    }

    /// Bytes; negative when it brought more than it was to.
    var remaining: Int64 { range.upperBound - mark }
    /// What it is still to bring.
    var rest: ByteRange { mark..<max(mark, range.upperBound) }

    /// What later demands need not ask for again: all of it while it flies, what landed afterwards.
    var covered: ByteRange {
        isRunning ? range : range.lowerBound..<max(range.lowerBound, mark)
    }

    /// Whether it comes to `position` by itself where the origin sends everything from the start.
    func isAhead(of position: Int64) -> Bool {
        isRunning && phase == .flying && !isLimited && range.lowerBound <= position
    }

    /// Whether it may still bring the byte at `position`.
    func isBringing(_ position: Int64) -> Bool {
        isRunning && (opens || range.contains(position))
    }
}

/// A flight that the shell is to prepare.
package struct FlightOrder: Hashable, Sendable {
    /// The first byte wanted, or how many of the last ones of an entry whose length is not known.
    package enum Start: Hashable, Sendable {
        case offset(Int64)
        case suffix(Int64)
    }

    package let flight: FlightID
    package let entry: EntryHandle
    package let start: Start
    /// The byte after the last one of interest: the index is searched up to here.
    package let searchEnd: Int64
    /// Bytes that one request should bring, 1 or more.
    package let length: Int64
}

/// What the scheduler wants done. The shell does it and reports back with the next event.
package enum SchedulerAction: Hashable, Sendable {
    /// Look in the index for the first bytes of the order that are missing; report with `planned`.
    case plan(FlightOrder)
    /// Send the request that opens the entry; report with `opened` or `landed`.
    case open(FlightOrder)
    /// Fetch these bytes of an open entry; report with `advanced`, `landed` and `recorded`.
    case fly(FlightID, ByteRange)
    /// Bring nothing from `end` on.
    case limit(FlightID, end: Int64)
    case cancel(FlightID)
    /// A passage may send the request of that number.
    case admit(FlightID)
    /// The demand's first byte is there, or the world has changed: look again.
    case wake(DemandID)
    /// The demand is forgotten.
    case fail(DemandID, FetchFailure)
    /// All that a prefetch or fill wanted is there; it is forgotten.
    case complete(DemandID)
    /// Call `timer` at this moment.
    case setTimer(Moment)
}

/// How a flight's transfer ended.
package enum FlightOutcome: Hashable, Sendable {
    /// All of it came, or up to the limit, or it was cancelled.
    case ended
    /// Worth another try, not before the pause that the origin asked for.
    case retryable(after: Duration?)
    /// The same; the origin asks for fewer requests (429, 503).
    case throttled(after: Duration?)
    /// Worth another try: the origin is there, but what it answered cannot be used.
    case untrusted
    /// Somebody else wrote to the file meanwhile: what came may not be there any more.
    case overwritten
    case failed(FetchFailure)

    var isFailure: Bool { if case .failed = self { true } else { false } }
}

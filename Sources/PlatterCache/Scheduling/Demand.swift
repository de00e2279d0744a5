package import PlatterCore

/// Names a demand, for as long as the scheduler knows it.
package struct DemandID: Hashable, Sendable, Comparable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static func < (lhs: DemandID, rhs: DemandID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Names a flight: one fetch, shared by every demand that it serves.
package struct FlightID: Hashable, Sendable, Comparable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }

    package static func < (lhs: FlightID, rhs: FlightID) -> Bool { lhs.rawValue < rhs.rawValue }
}

/// Names an entry in memory, from the moment that somebody wants it opened.
package struct EntryHandle: Hashable, Sendable {
    package let rawValue: UInt64

    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// Names an origin: scheme, host and port.
package struct OriginID: Hashable, Sendable {
    package let authority: String

    package init(_ authority: String) { self.authority = authority }
}

/// Tells players apart, for fairness and to notice that a player has moved on.
package struct ClientID: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }
}

/// What somebody wants of an entry. A reader keeps one for as long as it reads what is not all on disk;
/// a prefetch and a background fill have one each.
package struct Demand: Hashable, Sendable {
    package let entry: EntryHandle
    package let origin: OriginID
    package let client: ClientID
    /// What is wanted, from the first byte needed on. Before the entry is open its end is a wish.
    package var range: ByteRange
    /// Where the range of a prefetch or fill began; `range` shrinks as it goes on.
    let first: Int64
    /// `high` for a reader, `medium` for what a person asked for, `low` for background fill.
    package let level: FetchPriority
    /// A reader is blocked at `range.lowerBound`.
    package var isWaiting = false
    /// When the wait is overdue; the earliest is served first.
    package var deadline: Moment?
    /// The wished size of one request to the origin, in bytes.
    package var stride: Int64
    /// The last `n` bytes are wanted of an entry whose length is not known yet.
    package var suffix: Int64?

    package init(
        entry: EntryHandle, origin: OriginID, client: ClientID, range: ByteRange,
        level: FetchPriority, stride: Int64, suffix: Int64? = nil
    ) {
        self.entry = entry
        self.origin = origin
        first = range.lowerBound
        self.client = client
        self.range = range
        self.level = level
        self.stride = stride
        self.suffix = suffix
    }

    /// Where it was when the same client opened another reader of the entry. Until it has read on for
    /// a while it is taken for abandoned: players open the new connection before they close the old.
    var yieldedAt: Int64?
    var yieldedSince = Moment.start

    /// It was woken and has not said yet how it goes on. Until then its flight is as urgent as it was:
    /// it must not lose its slot to another between its first byte and its second.
    var isWoken = false
    /// It has had bytes.
    var isServed = false

    /// A blocked reader is critical, whatever its level, unless it seems abandoned.
    package var priority: FetchPriority { isWaiting && yieldedAt == nil ? .critical : level }

    /// How urgent a flight is that brings some of what it wants: critical only if that is the byte
    /// that it is blocked on.
    func priority(of flight: FlightState) -> FetchPriority {
        let isBlocked = (isWaiting || isWoken) && yieldedAt == nil
        return isBlocked && (flight.opens || flight.range.contains(range.lowerBound))
            ? .critical : level
    }

    /// Whether some byte of `other` is wanted.
    func wants(_ other: ByteRange) -> Bool { range.intersection(other) != nil }

    mutating func wantNothing() { range = range.lowerBound..<range.lowerBound }

    /// Turns "the last n bytes" into a range, once the length is known.
    mutating func resolveSuffix(completeLength: Int64) {
        guard let suffix else { return }
        range = (completeLength - min(max(0, suffix), completeLength))..<completeLength
        self.suffix = nil
    }
}

/// Why a demand cannot be met, or cannot be met by the store.
package enum FetchFailure: Error, Hashable, Sendable {
    /// The origin refused with this status and retrying does not help.
    case status(Int)
    /// The origin has no such range (416); the complete length where it said it.
    case unsatisfiable(completeLength: Int64?)
    /// The origin now has another version; this one gets no more bytes.
    case changed
    /// The response must not or cannot be stored; its reader streams past the store.
    case bypass
    /// The disk or the index refused the bytes.
    case store
    /// The origin could not be reached or broke off, as often as was tried.
    case unreachable
    /// The certificate of the origin is not trusted: another try does not mend that.
    case badCertificate
    /// The cache is being closed.
    case stopped
}

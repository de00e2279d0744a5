import PlatterCore

/// Whose turn it is to be the probe of an origin that fails, so that one object that always fails keeps no
/// other from it. Objects stand in a line, and go to its end when they had a probe in vain; and what is
/// stored takes turns with what goes past the store, however many objects wait on either side.
struct ProbeTurns: Hashable, Sendable {
    enum Side: Hashable, Sendable {
        /// Flights.
        case stored
        /// Passages.
        case passing
    }

    /// Objects that are remembered; of more, the first in the line are forgotten.
    static let limit = 128

    private var places: [CacheKey: UInt64] = [:]
    private var next: UInt64 = 1
    /// Which side had the last one.
    private(set) var last: Side?

    var count: Int { places.count }

    /// The lowest is first. 0 where nothing is known: nobody waits for it, or it was forgotten.
    func place(of key: CacheKey) -> UInt64 { places.isEmpty ? 0 : places[key] ?? 0 }

    /// It comes to the line, unless it has its place already.
    mutating func stand(_ key: CacheKey) { if places[key] == nil { toTheEnd(key) } }

    /// It had its turn.
    mutating func had(_ key: CacheKey, _ side: Side) {
        toTheEnd(key)
        last = side
    }

    private mutating func toTheEnd(_ key: CacheKey) {
        places[key] = next
        next += 1
        guard places.count > Self.limit, let first = places.min(by: { $0.value < $1.value }) else {
            return
        }
        places[first.key] = nil
    }
}

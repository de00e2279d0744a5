import PlatterCore

/// Spares an origin that fails, and those who wait for it: after some failures in a row nothing is
/// sent for a while, and then a single fetch shows whether it answers again.
///
///     closed --failures in a row--> open --a probe starts--> half-open
///       ^     (or one is told to      ^                        |   |
///       |      wait, for a moment)    +------ it fails --------+   |
///       +------------------------ it is answered ------------------+
struct CircuitBreaker: Hashable, Sendable {
    enum Phase: Hashable, Sendable {
        case closed
        /// Nothing starts before this moment, one fetch after it.
        case open(until: Moment)
        /// Nothing starts beside the probe.
        case halfOpen(probe: FlightID)
    }

    private(set) var phase = Phase.closed
    /// In a row, while closed.
    private(set) var failures = 0
    /// How often it opened since the origin last answered.
    private(set) var openings = 0

    /// Nothing starts before.
    var pausedUntil: Moment? { if case .open(let end) = phase { end } else { nil } }
    var probe: FlightID? { if case .halfOpen(let probe) = phase { probe } else { nil } }
    var isClosed: Bool { phase == .closed }

    /// A fetch starts, which is allowed.
    mutating func started(_ id: FlightID) {
        if case .open = phase { phase = .halfOpen(probe: id) }
    }

    /// The origin answered: with bytes, or with a refusal that is final.
    mutating func answered() {
        if phase != .closed || failures > 0 { self = CircuitBreaker() }
    }

    /// A fetch failed without a byte. One that began before the breaker opened says nothing new.
    ///
    /// - Parameter pause: How long to pause when it opens so many times in a row.
    mutating func failed(
        _ id: FlightID, threshold: Int, now: Moment, pause: (_ openings: Int) -> Duration
    ) {
        switch phase {
        case .closed:
            failures += 1
            guard failures >= threshold else { return }
        case .open: return
        case .halfOpen(let probe): guard probe == id else { return }
        }
        openings = min(openings + 1, 1 << 16)
        phase = .open(until: now.advanced(by: pause(openings)))
    }

    /// One object was told to wait: another one shows after a moment whether that is for all.
    mutating func hesitate(until end: Moment) {
        guard case .closed = phase else { return }
        openings = min(openings + 1, 1 << 16)
        phase = .open(until: end)
    }

    /// A fetch ended and says nothing of the origin: it was cancelled, or never sent. Another one may
    /// be the probe at once.
    mutating func released(_ id: FlightID, now: Moment) {
        if probe == id { phase = .open(until: now) }
    }

    /// Somebody waits now: a longer pause ends at `end`.
    mutating func shorten(to end: Moment) {
        if case .open(let until) = phase, until > end { phase = .open(until: end) }
    }
}

import PlatterCore

/// Decides what people are told of origins that fail: once when one begins to, once when it answers
/// again, and not for each fetch between. A value: no clock, no log.
///
/// One that goes back and forth is told of at most once in a while, unless it fails for good.
package struct OriginNews: Sendable {
    private struct State {
        /// Since it last answered.
        var failures = 0
        /// Bodies in a row that broke off with next to nothing, up to the limit.
        var breaks = 0
        var isToldToFail = false
        /// When that was last told; nil: never.
        var toldAt: Int64?
        /// How long after that several failures in a row are news already.
        var gap = OriginNews.firstGap

        /// A clock that was set back says nothing.
        func isTold(within seconds: Int64, now: Int64) -> Bool {
            toldAt.map { $0 <= now && now < $0.addingClamped(seconds) } ?? false
        }
    }

    /// Seconds for which a single failure is no news after it was told that the origin fails [60].
    static let quiet: Int64 = 60
    /// So many failures in a row are news all the same [5], though not within the first seconds [10], and twice
    /// as many each time.
    static let lasting = 5
    static let firstGap: Int64 = 10
    /// So many bodies in a row that break off with next to nothing [3] are a failure: fetches that go on
    /// after a break are none.
    static let breaksToFail = 3
    /// After so many seconds without news the next ones are the first again [600].
    static let memory: Int64 = 600
    /// Origins remembered [1,000].
    private let limit: Int
    private var states: [String: State] = [:]

    package init(limit: Int = 1000) { self.limit = max(1, limit) }

    package var count: Int { states.count }

    /// A request to the origin got no answer, or one that says that it is broken.
    ///
    /// - Parameters:
    ///   - origin: Its host and port.
    ///   - now: Seconds since 1970.
    /// - Returns: Whether it is to be told.
    package mutating func failed(_ origin: String, now: Int64) -> Bool {
        if states.count >= limit, states[origin] == nil { makeRoom() }
        var state = states[origin] ?? State()
        state.failures = min(state.failures + 1, Self.lasting)
        let isRecent = state.isTold(within: Self.quiet, now: now)
        let isLasting =
            state.failures >= Self.lasting && !state.isTold(within: state.gap, now: now)
        let isNews = !state.isToldToFail && (!isRecent || isLasting)
        if isNews {
            let wasToldLately = state.isTold(within: Self.memory, now: now)
            state.gap = wasToldLately ? min(state.gap * 2, Self.quiet) : Self.firstGap
            (state.isToldToFail, state.toldAt) = (true, now)
        }
        states[origin] = state
        return isNews
    }

    /// A body that it sent broke off with next to nothing of what was asked for.
    ///
    /// - Returns: As of `failed`.
    package mutating func brokeOff(_ origin: String, now: Int64) -> Bool {
        if states.count >= limit, states[origin] == nil { makeRoom() }
        let breaks = min((states[origin]?.breaks ?? 0) + 1, Self.breaksToFail)
        states[origin, default: State()].breaks = breaks
        return breaks >= Self.breaksToFail && failed(origin, now: now)
    }

    /// It answered, without a body that was asked for. That speaks for none whose bodies break off.
    ///
    /// - Returns: Whether it is to be told.
    package mutating func answered(_ origin: String) -> Bool {
        states[origin]?.breaks ?? 0 > 0 ? false : delivered(origin)
    }

    /// It gave what was asked for.
    ///
    /// - Returns: Whether it is to be told.
    package mutating func delivered(_ origin: String) -> Bool {
        guard let state = states[origin] else { return false }
        states[origin] = State(toldAt: state.toldAt, gap: state.gap)
        return state.isToldToFail
    }

    /// Those go first that answer.
    private mutating func makeRoom() {
        states = states.filter { $0.value.isToldToFail }
        guard states.count >= limit,
            let oldest = states.min(by: { $0.value.toldAt ?? 0 < $1.value.toldAt ?? 0 })
        else { return }
        states[oldest.key] = nil
    }
}

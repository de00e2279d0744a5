import PlatterCore

/// Whether new bytes may go into the store. A disk that refuses them is left alone for a while, and
/// what is fetched meanwhile goes past it; then one fetch tries again (REQUIREMENTS D4). Pure.
///
///     open ──(refused)──▶ closed ──(pause over)──▶ trying ──(stored)──▶ open
///                           ▲                        │
///                           └──(refused: a longer pause)
///
/// Another index, or the cache folder made again, opens it at once.
struct AdmissionRule: Hashable, Sendable {
    /// The first pause [1 s], doubled up to the longest [10 s].
    static let firstPause = Duration.seconds(1)
    static let longestPause = Duration.seconds(10)

    private enum Phase: Hashable {
        case open
        case closed(until: Moment, pause: Duration)
        /// One fetch tries. Should nothing be heard of it, another one may in a while.
        case trying(until: Moment, pause: Duration)
    }

    private var phase = Phase.open

    /// Whether a fetch whose bytes are to be stored may begin.
    mutating func admits(now: Moment) -> Bool {
        switch phase {
        case .open: return true
        case .closed(let until, let pause), .trying(let until, let pause):
            guard now >= until else { return false }
            phase = .trying(until: now.advanced(by: pause), pause: pause)
            return true
        }
    }

    /// The disk or the index took no bytes.
    ///
    /// - Returns: Whether this is news.
    mutating func refused(now: Moment) -> Bool {
        switch phase {
        case .open:
            phase = .closed(until: now.advanced(by: Self.firstPause), pause: Self.firstPause)
            return true
        // Of one that began before.
        case .closed: return false
        case .trying(_, let last):
            let pause = min(last * 2, Self.longestPause)
            phase = .closed(until: now.advanced(by: pause), pause: pause)
            return false
        }
    }

    /// Bytes are in the file and in the index.
    ///
    /// - Returns: Whether this is news.
    mutating func stored() -> Bool {
        switch phase {
        case .open: return false
        // Of one that began before, or was lucky: the next one that tries tells more.
        case .closed: return false
        case .trying:
            phase = .open
            return true
        }
    }

    /// What stood in the way is gone.
    ///
    /// - Returns: Whether this is news.
    mutating func reopen() -> Bool {
        defer { phase = .open }
        return phase != .open
    }
}

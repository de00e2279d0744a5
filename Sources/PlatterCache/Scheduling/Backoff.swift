import PlatterCore

/// How long to pause after a failure (REQUIREMENTS C4): doubled each time, half of it random so that
/// many do not return at the same instant.
struct Backoff {
    let limits: FetchLimits

    /// - Parameters:
    ///   - failures: In a row, 1 or more.
    ///   - isWaitedFor: A reader is blocked: the pause stays short, its own deadline ends the tries.
    ///   - jitter: From 0 to 1.
    ///   - first: The full pause after the first failure, that of an entry unless given.
    func pause(
        failures: Int, isWaitedFor: Bool, jitter: Double, first: Duration? = nil
    ) -> Duration {
        let cap = isWaitedFor ? limits.waitingBackoffCap : limits.backoffCap
        let doublings = min(max(failures, 1) - 1, 16)
        let full = min((first ?? limits.firstBackoff) * (1 << doublings), cap)
        return full / 2 + full / 2 * (jitter.isNaN ? 0 : min(max(jitter, 0), 1))
    }

    /// How much of a `Retry-After` (RFC 9110 section 10.2.3) is honoured, by everybody, where nobody
    /// waits.
    func granted(_ asked: Duration) -> Duration { min(max(asked, .zero), limits.backoffCap) }
}

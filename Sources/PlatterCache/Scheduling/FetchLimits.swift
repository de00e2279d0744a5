import PlatterCore

/// The limits of the scheduler.
package struct FetchLimits: Hashable, Sendable {
    /// Fetches at once, 1 or more [6]. One that is silent uses no line and does not count.
    package var total = 6
    /// Fetches at once to one origin, silent ones too, 1 or more [3].
    package var perOrigin = 3
    /// A fetch is silent when no byte came for so long [2 s].
    package var silence = Duration.seconds(2)
    /// Fetches at once, silent ones too: so many times `total` [4].
    package var ceilingFactor = 4
    /// Requests end on this grid where nothing else limits them, in bytes [64 KiB].
    package var alignment: Int64 = 64 << 10
    /// A fetch that nobody wants any more is finished when at most this is missing, so that its
    /// connection can be used again; else it is cancelled [256 KiB].
    package var finishRemainder: Int64 = 256 << 10
    /// The same where that comes within an instant [1 MiB].
    package var finishAtOnce: Int64 = 1 << 20
    /// While readers wait for a connection, a request takes no longer than a turn: so much before the
    /// origin's pace is known [1 MiB], and never less than this [256 KiB].
    package var firstTurn: Int64 = 1 << 20
    package var shortestTurn: Int64 = 256 << 10
    /// A waiting reader joins a flight whose mark is at most this far behind it, or twice what one
    /// round trip brings, if that is more [256 KiB].
    package var joinDistance: Int64 = 256 << 10
    /// Requests at once for one waiting reader, counting the first one [3].
    package var hedges = 3
    /// An older reader of the same client that waits again after so long counts again [1 s]: players
    /// close an old connection within a round trip or two. One that waits all the time counts again
    /// when its wait is overdue.
    package var patience = Duration.seconds(1)
    /// So many readers of one client at one entry are no player that moves on [4].
    package var parallel = 4
    /// How far an older reader of the same client must read on before it counts again [512 KiB].
    package var revival: Int64 = 512 << 10
    /// Tries for a demand that nobody waits for [3].
    package var tries = 3
    /// Answers in a row that end early with less than `scantLength` [3], 1 or more: from then on the origin is
    /// asked again after a pause.
    package var scantAnswers = 3
    /// Less than this is next to nothing, in bytes [4 KiB], 1 or more. Some origins send little at a time, and mean it.
    package var scantLength: Int64 = 4 << 10
    /// The pause after the first failure [500 ms], doubled with each.
    package var firstBackoff = Duration.milliseconds(500)
    /// The longest pause when nobody waits [30 s].
    package var backoffCap = Duration.seconds(30)
    /// The longest pause while a reader waits [2 s].
    package var waitingBackoffCap = Duration.seconds(2)

    /// Readers go past the store when others write to a file again within so long [10 s].
    package var overwrites = Duration.seconds(10)
    /// A pause that the origin asked for ends so long after the deadline of the first reader that waits
    /// [15 s]: one in the middle of a body is cut 20 s after it. But it lasts so long at least, where
    /// so much was asked for [10 s].
    package var grantAfterDeadline = Duration.seconds(15)
    package var leastGrant = Duration.seconds(10)
    /// Where the origin has no ranges a reader waits for a transfer that is so far behind [8 MiB], or
    /// as far as it comes in so many times what `Pace.soon` is [16: 8 s].
    package var carryDistance: Int64 = 8 << 20
    package var carryTurns: Int64 = 16

    /// Failures in a row after which an origin gets one try at a time, 1 or more [5], after a pause [1 s]
    /// that doubles like that of an entry and has the same caps.
    package var failuresToOpen = 5
    package var firstBreak = Duration.seconds(1)
    /// Retries that nobody waits for: so many at once for an origin [10], and beyond that so many for
    /// 100 fetches that succeed [20].
    package var retryBurst = 10
    package var retryPercent = 20
    /// For how long an origin that asked for less gets fewer fetches at once, at most [60 s].
    package var slowDown = Duration.seconds(60)

    package init() {}

    /// Fetches at once, silent ones too.
    var ceiling: Int {
        let (product, isOver) = total.multipliedReportingOverflow(by: ceilingFactor)
        return isOver ? .max : product
    }

    /// Silent fetches at which none starts to an origin that hangs, so that the others have `total`.
    var silent: Int { max(1, ceiling - total) }

    /// Without values that make no sense.
    var clamped: FetchLimits {
        var limits = self
        limits.total = max(1, total)
        limits.perOrigin = max(1, perOrigin)
        limits.ceilingFactor = max(1, ceilingFactor)
        limits.silence = max(.zero, silence)
        limits.alignment = max(1, alignment)
        limits.scantAnswers = max(1, scantAnswers)
        limits.scantLength = max(1, scantLength)
        limits.failuresToOpen = max(1, failuresToOpen)
        limits.firstBreak = max(.zero, firstBreak)
        limits.firstBackoff = max(.zero, firstBackoff)
        limits.backoffCap = max(.zero, backoffCap)
        limits.waitingBackoffCap = max(.zero, waitingBackoffCap)
        return limits
    }
}

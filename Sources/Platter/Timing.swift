import PlatterCache

/// How long is waited for what. Nobody has to set this; tests wait less.
package struct Timing: Hashable, Sendable {
    /// Until a player without a head gets a 503 [10 s].
    package var head = WaitDeadlines.Settings().head
    /// For how long what it waited for is brought nevertheless [6 s].
    package var linger = WaitDeadlines.Settings().linger
    /// Over how long a body must come at the minimum rate [30 s].
    package var drip = MinimumRate.Settings().window
    /// For the next byte from an origin [15 s].
    package var stall = Duration.seconds(15)
    /// Until another connection is tried for a reader that waits [5 s].
    package var hedge = WaitDeadlines.Settings().hedge
    /// Until a fetch that brings nothing is not counted on any more [2 s].
    package var silence = FetchLimits().silence

    package init() {}

    var waits: WaitDeadlines.Settings {
        var settings = WaitDeadlines.Settings()
        settings.head = head
        settings.hedge = hedge
        settings.linger = linger
        return settings
    }

    var minimumRate: MinimumRate.Settings {
        var settings = MinimumRate.Settings()
        settings.window = drip
        return settings
    }
}

package import PlatterCore

/// What a reader does the longer it waits for bytes (REQUIREMENTS E3), as a value without a clock.
package struct WaitDeadlines: Sendable {
    package struct Settings: Hashable, Sendable {
        /// Another connection is tried after so long, and again after twice that [5 s].
        package var hedge = Duration.seconds(5)
        /// Without a head the client gets a 503 [10 s]: a common player gives up at 15.
        package var head = Duration.seconds(10)
        /// With a head the connection is closed short [30 s].
        package var body = Duration.seconds(30)
        /// What a client without a head waited for is brought for so long after its 503: until it has
        /// come back [6 s], and until an origin that says nothing is known to.
        package var linger = Duration.seconds(6)

        package init() {}
    }

    package enum Action: Hashable, Sendable {
        /// Ask the scheduler for another connection, then wait on.
        case hedge
        /// Give up: 503 before the head, a short close after it.
        case giveUp
    }

    private let settings: Settings
    private let isHeadSent: Bool
    private let startedAt: Moment
    private var hedges = 0

    /// - Parameter since: When the request came, as long as no head was sent: all that it waits for
    ///   counts together. Later when this wait began.
    package init(settings: Settings, isHeadSent: Bool, since: Moment) {
        self.settings = settings
        self.isHeadSent = isHeadSent
        startedAt = since
    }

    /// When something is next to be done, and what.
    package var next: (at: Moment, action: Action) {
        let end = startedAt.advanced(by: isHeadSent ? settings.body : settings.head)
        let hedge = startedAt.advanced(by: settings.hedge * (hedges + 1))
        return hedges < 2 && hedge < end ? (hedge, .hedge) : (end, .giveUp)
    }

    /// The action of `next` was taken.
    package mutating func passed() { hedges += 1 }
}

package import PlatterCore

/// Answers in a row that cannot be used although it is known what the resource is. One may be an
/// accident; when they go on, that is how the origin answers now. Pure.
package struct FlawedAnswers: Hashable, Sendable {
    package enum Standing: Hashable, Sendable {
        /// The first, and those that were under way with it.
        case accident
        case repeated
        /// It is no use to ask again.
        case lasting
    }

    /// So many [3], the first and the last so far apart [2 s], are lasting.
    static let limit = 3
    static let span = Duration.seconds(2)
    /// After so long without another [60 s] the next one is the first again.
    static let memory = Duration.seconds(60)

    private var count = 0
    private var first = Moment.start
    private var last = Moment.start

    package init() {}

    /// - Parameter askedAt: When its request was sent. Answers that were under way together say the same
    ///   thing, and count as one.
    package mutating func add(askedAt: Moment, now: Moment) -> Standing {
        if count == 0 || now.since(last) >= Self.memory {
            (count, first, last) = (1, now, now)
        } else if askedAt >= last {
            count += 1
            last = now
        }
        if count >= Self.limit, last.since(first) >= Self.span { return .lasting }
        return count > 1 ? .repeated : .accident
    }

    /// A good one came.
    package mutating func end() { count = 0 }
}

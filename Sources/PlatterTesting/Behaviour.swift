/// A vice, and when the origin has it.
package struct Behaviour: Hashable, Sendable {
    package var vice: Vice
    /// It is gone after so many requests that had it; nil is never.
    package var remaining: Int?
    /// Only for ranges that start there or later. A request without a range starts at 0.
    package var startingAt: Int64
    /// Only for the first request of a connection.
    package var onlyOnNewConnection: Bool
    /// So many requests had it.
    private var used = 0

    package init(
        _ vice: Vice, times remaining: Int? = nil, startingAt: Int64 = 0,
        onlyOnNewConnection: Bool = false
    ) {
        self.vice = vice
        self.remaining = remaining
        self.startingAt = startingAt
        self.onlyOnNewConnection = onlyOnNewConnection
    }

    /// Whether it is used up.
    package var isOver: Bool { remaining.map { $0 <= 0 } ?? false }

    /// The vice for this request, or nil when it does not have it. Counts.
    ///
    /// - Parameter start: The first byte that the request asks for.
    package mutating func consider(_ request: OriginRequest, start: Int64) -> Vice? {
        guard !isOver, start >= startingAt, request.isFirstOnConnection || !onlyOnNewConnection
        else { return nil }
        guard vice.concerns(request) else { return nil }
        remaining = remaining.map { $0 - 1 }
        defer { used += 1 }
        return vice.settled(ordinal: used)
    }
}

extension Vice {
    /// HEAD refusals do not use themselves up on GET.
    fileprivate func concerns(_ request: OriginRequest) -> Bool {
        if case .answers(let answer) = self, answer.onlyToHead { return request.method == "HEAD" }
        return true
    }

    /// The vice for one request, after `ordinal` others had it.
    fileprivate func settled(ordinal: Int) -> Vice {
        guard case .validator(.changing(let every, let versions, let bytes)) = self else {
            return self
        }
        return .validator(.version(ordinal / max(1, every) % max(1, versions), bytes: bytes))
    }
}

package import HTTPTypes
import PlatterCore
package import PlatterHTTP

/// Where redirects led to, for a short while: a film is fetched in many pieces, and whoever signs its
/// URLs is asked once and not for each piece. A hint may be wrong at any time, since a target may
/// expire sooner than it says: whoever is refused there asks the source again.
///
/// In memory only: targets are often as good as credentials.
package struct RedirectHints: Sendable {
    /// What was asked. With other fields, which may be credentials, it may lead elsewhere.
    package struct Source: Hashable, Sendable {
        package let url: OriginURL
        package let fields: HTTPFields

        package init(url: OriginURL, fields: HTTPFields) {
            self.url = url
            self.fields = fields
        }
    }

    /// Where it led to.
    package struct Target: Hashable, Sendable {
        package let url: OriginURL
        /// Those of the source that may go there.
        package let fields: HTTPFields

        package init(url: OriginURL, fields: HTTPFields) {
            self.url = url
            self.fields = fields
        }
    }

    /// What an answer of a target says about its hint.
    package enum Trust: Hashable, Sendable {
        case keep
        /// The answer counts, but the next fetch asks the source.
        case drop
        /// The answer does not count: the source is to be asked now.
        case refused
    }

    private struct Hint {
        let target: Target
        var since: Int64
        var until: Int64
        /// When requests were sent there that have no answer yet.
        var awaited: [Int64] = []
    }

    /// Seconds that a hint is good for, whatever the origin says.
    package static let lifetimes: ClosedRange<Int64> = 60...600
    /// Seconds that one fetch has to renew a hint, while the others go on with it.
    static let renewal: Int64 = 10
    /// Seconds after which a target that has not answered is not asked by others [2]. By a clock of whole
    /// seconds: it may be one second and a little.
    static let patience: Int64 = 2
    /// Hints kept at most [1,000].
    private let limit: Int
    private var hints: [Source: Hint] = [:]

    package init(limit: Int = 1000) { self.limit = max(1, limit) }

    package var count: Int { hints.count }

    /// Where to ask. nil is the source itself: nothing is known, or what is known is to be renewed,
    /// which falls to the first who comes.
    ///
    /// - Parameter now: Seconds since 1970. A clock that was set back ends hints, it does not keep them.
    package mutating func target(of source: Source, now: Int64) -> Target? {
        guard let hint = hints[source] else { return nil }
        if hint.awaited.contains(where: { Self.isLate(askedAt: $0, now: now) }) { return nil }
        if hint.since <= now, now < hint.until { return hint.target }
        hints[source]?.since = now
        hints[source]?.until = now.addingClamped(Self.renewal)
        return nil
    }

    /// The source has led there, and was answered well.
    ///
    /// - Parameter lifetime: In seconds, as the redirects said.
    package mutating func learn(
        _ target: Target, of source: Source, lifetime: Int64?, now: Int64
    ) {
        if hints[source] == nil, hints.count >= limit { makeRoom(now: now) }
        let seconds = min(
            max(lifetime ?? 0, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
        hints[source] = Hint(target: target, since: now, until: now.addingClamped(seconds))
    }

    // MARK: Targets that do not answer

    /// A request is sent to the target.
    package mutating func asked(_ target: Target, of source: Source, now: Int64) {
        if hints[source]?.target == target { hints[source]?.awaited.append(now) }
    }

    /// It was answered, however well.
    package mutating func answered(_ target: Target, of source: Source, askedAt: Int64) {
        _ = settle(target, of: source, askedAt: askedAt)
    }

    /// Nobody waits for its answer any more. That may be for want of patience with the target.
    package mutating func cancelled(
        _ target: Target, of source: Source, askedAt: Int64, now: Int64
    ) {
        // One that was led to and answered since then is known to serve.
        guard settle(target, of: source, askedAt: askedAt) else { return }
        if Self.isLate(askedAt: askedAt, now: now) { hints[source] = nil }
    }

    /// - Returns: Whether it was awaited.
    private mutating func settle(_ target: Target, of source: Source, askedAt: Int64) -> Bool {
        guard let hint = hints[source], hint.target == target,
            let index = hint.awaited.firstIndex(of: askedAt)
        else { return false }
        hints[source]?.awaited.remove(at: index)
        return true
    }

    private static func isLate(askedAt: Int64, now: Int64) -> Bool {
        askedAt.addingClamped(patience) <= now
    }

    /// The target does not serve any more. A newer one stays.
    package mutating func drop(_ target: Target, of source: Source) {
        if hints[source]?.target == target { hints[source] = nil }
    }

    /// The source leads nowhere any more.
    package mutating func forget(_ source: Source) { hints[source] = nil }

    private mutating func makeRoom(now: Int64) {
        hints = hints.filter { now < $0.value.until }
        guard hints.count >= limit, let first = hints.min(by: { $0.value.until < $1.value.until })
        else { return }
        hints[first.key] = nil
    }
}

extension RedirectHints {
    /// An expired signature is refused in many ways (400, 401, 403, 404, 410), also with a page or with
    /// a redirect to one. Whether the object has really gone only the source can say.
    package static func trust(status: Int, fields: HTTPFields) -> Trust {
        switch status {
        case 408, 425, 429: .keep
        case 500...599: .drop
        case 300..<500: .refused
        default: fields.areOfDocument ? .refused : .keep
        }
    }

    /// Whether the end of a chain of redirects is worth asking again. A page is not: it may be a login,
    /// and it is fetched in one piece.
    package static func isWorthKeeping(status: Int, fields: HTTPFields) -> Bool {
        [200, 206, 416].contains(status) && !fields.areOfDocument
    }

    /// How many seconds a redirect is good for, where it or its target says so; the less of both.
    ///
    /// - Parameters:
    ///   - fields: Of the redirect.
    ///   - now: Seconds since 1970.
    package static func lifetime(
        of fields: HTTPFields, to target: OriginURL, now: Int64
    ) -> Int64? {
        let stated = CacheControl.parse(fields[values: .cacheControl]).sharedLifetime
        let signed = SignedURL.expiry(of: target).map { expiry in
            expiry.subtractingReportingOverflow(now)
        }.map { $0.overflow ? 0 : max(0, $0.partialValue) }
        return [stated, signed].compactMap(\.self).min()
    }
}

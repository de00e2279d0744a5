package import PlatterCore

/// The versions of one resource as they were opened. An origin behind which mirrors disagree gives two
/// of them in turn, or another one each time, and each change of mind would fetch everything again. Pure.
package struct VersionHistory: Hashable, Sendable {
    /// So often [3] may a version come back within so long [10 min].
    static let returns = 3
    package static let window = Duration.seconds(600)
    /// So many versions [4] within so long [10 s]: it is another one with every answer, and nobody
    /// would ever see the end of it.
    static let changes = 4
    static let changeWindow = Duration.seconds(10)
    /// So many in a row [3] may be over before a second answer gave bytes of them, each within so long
    /// [60 s]: with a slow origin such changes are far apart.
    static let fleeting = 3
    static let fleetingTime = Duration.seconds(60)
    /// Versions that are remembered [8].
    private static let limit = 8

    private struct Version: Hashable {
        let validator: Validator
        let completeLength: Int64
    }

    /// Whether the origin has ever given another version than the one that was open.
    package private(set) var hasChanged = false
    private var isSuperseded = false
    private var seen: [Version] = []
    private var returned: [Moment] = []
    private var changed: [Moment] = []
    private var openedAt: Moment?
    private var isConfirmed = false
    private var fleetingCount = 0

    package init() {}

    /// The origin has given another version than the one that was open.
    package mutating func superseded() { (isSuperseded, hasChanged) = (true, true) }

    /// Another answer than the one that opened it gave bytes of the version that is open.
    package mutating func confirmed() { isConfirmed = true }

    /// A version is about to be opened.
    ///
    /// - Returns: Whether the versions only go back and forth, or change all the time: it had better not be
    ///   stored.
    package mutating func opens(
        _ validator: Validator, completeLength: Int64, now: Moment
    ) -> Bool {
        let version = Version(validator: validator, completeLength: completeLength)
        returned.removeAll { now.since($0) >= Self.window }
        changed.removeAll { now.since($0) >= Self.changeWindow }
        defer { isSuperseded = false }
        if seen.contains(version) {
            // One that was only evicted does not come back: it never went.
            if isSuperseded { returned.append(now) }
        } else {
            if isSuperseded { changed.append(now) }
            seen.append(version)
            if seen.count > Self.limit { seen.removeFirst() }
        }
        let isFleeting = noteFleeting(now: now)
        return returned.count >= Self.returns || changed.count >= Self.changes || isFleeting
    }

    /// - Returns: Whether one after the other is over as soon as it is opened.
    private mutating func noteFleeting(now: Moment) -> Bool {
        if isSuperseded, let openedAt {
            let wasFleeting = !isConfirmed && now.since(openedAt) < Self.fleetingTime
            fleetingCount = wasFleeting ? fleetingCount + 1 : 0
        }
        (openedAt, isConfirmed) = (now, false)
        guard fleetingCount >= Self.fleeting else { return false }
        // Later they have another chance.
        fleetingCount = 0
        return true
    }
}

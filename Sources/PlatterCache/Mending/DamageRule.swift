package import PlatterCore

/// What follows from damage that nothing explains: bytes that were right in this boot and are not any
/// more, or that the disk cannot read. One object with several such places is given up; several such
/// objects are no accident, and the disk is not believed any more (checklist F07). One place counts once,
/// however many readers come upon it. Pure.
package struct DamageRule: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case nothing
        /// The object is given up: it is fetched again, into another file.
        case quarantine
        /// So is this one, and from now on everything is passed through.
        case suspect
    }

    /// Places of one object [3] within so long [60 s], and objects [3] within so long [10 min].
    static let places = 3
    /// What lies within so many bytes is one place [1 MiB].
    static let placeLength: Int64 = 1 << 20
    static let placesWindow = Duration.seconds(60)
    static let objects = 3
    static let objectsWindow = Duration.seconds(600)

    /// When each place was last found damaged.
    private var damage: [EntryID: [Int64: Moment]] = [:]
    private var quarantined: [Moment] = []
    package private(set) var isSuspect = false

    package init() {}

    /// A place of an object is damaged.
    ///
    /// - Parameter position: One of its bytes, or the first of what was concerned; 0 for all of a file.
    package mutating func damaged(
        _ entry: EntryID, at position: Int64, now: Moment
    ) -> Verdict {
        damage = damage.compactMapValues { moments in
            let recent = moments.filter { now.since($0.value) < Self.placesWindow }
            return recent.isEmpty ? nil : recent
        }
        damage[entry, default: [:]][position / Self.placeLength] = now
        guard (damage[entry]?.count ?? 0) >= Self.places else { return .nothing }
        damage[entry] = nil
        quarantined = quarantined.filter { now.since($0) < Self.objectsWindow }
        quarantined.append(now)
        guard quarantined.count >= Self.objects, !isSuspect else { return .quarantine }
        isSuspect = true
        return .suspect
    }

    /// A person has had everything compared, and all was right.
    package mutating func foundClean() { self = DamageRule() }
}

package import PlatterCore

/// What follows from damage that nothing explains: bytes that were right in this boot and are not any
/// more, or that the disk cannot read. One object with several such places is given up; several such
/// objects are no accident, and the disk is not believed any more (checklist F07). Pure.
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
    static let placesWindow = Duration.seconds(60)
    static let objects = 3
    static let objectsWindow = Duration.seconds(600)

    private var damage: [EntryID: [Moment]] = [:]
    private var quarantined: [Moment] = []
    package private(set) var isSuspect = false

    package init() {}

    /// A place of an object is damaged.
    package mutating func damaged(_ entry: EntryID, now: Moment) -> Verdict {
        damage = damage.compactMapValues { moments in
            let recent = moments.filter { now.since($0) < Self.placesWindow }
            return recent.isEmpty ? nil : recent
        }
        damage[entry, default: []].append(now)
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

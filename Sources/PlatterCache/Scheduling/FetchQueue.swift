import PlatterCore

/// The demands that need a flight and have none, sorted by what they wait for, so that one event
/// looks only at those that it can help.
struct FetchQueue: Sendable {
    enum Line: Hashable, Sendable, CaseIterable {
        /// Readers that are blocked.
        case waiting
        /// Read-ahead, and blocked readers that seem abandoned.
        case reading
        /// Prefetch and fill.
        case background
        /// Until a pause is over.
        case resting

        /// That of the demands that stand in it.
        var priority: FetchPriority {
            switch self {
            case .waiting: .critical
            case .reading: .high
            case .background, .resting: .medium
            }
        }
    }

    struct Place: Hashable, Sendable {
        let origin: OriginID
        let line: Line
    }

    private var members: [Place: Set<DemandID>] = [:]
    private var places: [DemandID: Place] = [:]
    /// The earliest end of a pause that a resting demand waits for.
    private(set) var due: Moment?

    /// Whether a blocked reader has no flight.
    var hasWaiting: Bool { members.keys.contains { $0.line == .waiting } }

    /// Whether a reader other than `id` has no flight at `origin` and wants one.
    func hasReader(except id: DemandID, at origin: OriginID) -> Bool {
        [Line.waiting, .reading].contains { line in
            self[Place(origin: origin, line: line)].contains { $0 != id }
        }
    }

    var openPlaces: [Place] { members.keys.filter { $0.line != .resting } }

    subscript(_ place: Place) -> Set<DemandID> { members[place] ?? [] }

    func line(of id: DemandID) -> Line? { places[id]?.line }

    mutating func insert(_ id: DemandID, at place: Place) {
        guard places[id] != place else { return }
        remove(id)
        places[id] = place
        members[place, default: []].insert(id)
    }

    mutating func rest(_ id: DemandID, at origin: OriginID, until end: Moment) {
        insert(id, at: Place(origin: origin, line: .resting))
        due = min(due ?? end, end)
    }

    mutating func remove(_ id: DemandID) {
        guard let place = places.removeValue(forKey: id) else { return }
        members[place]?.remove(id)
        if members[place]?.isEmpty ?? false { members[place] = nil }
    }

    /// Takes out all who rest.
    mutating func takeResting() -> Set<DemandID> {
        due = nil
        var resting: Set<DemandID> = []
        for place in members.keys.filter({ $0.line == .resting }) {
            resting.formUnion(members.removeValue(forKey: place) ?? [])
        }
        for id in resting { places[id] = nil }
        return resting
    }
}

import PlatterCore

/// The pauses that an origin asked for (`Retry-After`, RFC 9110 section 10.2.3). Each is about what was
/// requested, and holds for that object alone. Only when another one is told the same during it, and none
/// was answered in between, does the origin as a whole want to be left alone.
struct AskedPauses: Hashable, Sendable {
    /// Objects that are remembered; of more, those that may be asked for soonest are forgotten.
    static let limit = 64

    private struct Told: Hashable, Sendable {
        let key: CacheKey
        var end: Moment
    }

    private var ends: [CacheKey: Moment] = [:]
    /// The one with the longest pause that was told since anything else was answered.
    private var witness: Told?
    /// When the pause of the whole origin ends.
    private(set) var ofAll: Moment?

    var count: Int { ends.count }

    func end(of key: CacheKey) -> Moment? { ends.isEmpty ? nil : ends[key] }

    mutating func told(_ key: CacheKey, until end: Moment, now: Moment) {
        ends = ends.filter { $0.value > now }
        let end = max(ends[key] ?? end, end)
        ends[key] = end
        if ends.count > Self.limit {
            let first = ends.min { ($0.value, $0.key.text) < ($1.value, $1.key.text) }
            ends[first?.key ?? key] = nil
        }
        if let witness, witness.key != key, witness.end > now {
            // Both of them may be asked for again after that.
            let both = min(witness.end, end)
            ofAll = max(ofAll ?? both, both)
            if witness.end >= end { return }
        }
        witness = Told(key: key, end: end)
    }

    /// A request was answered with what counts. The objects that were told to wait still do, and prove
    /// nothing for others.
    mutating func answered(_ key: CacheKey, now: Moment) {
        if let end = end(of: key), end > now { return }
        (witness, ofAll) = (nil, nil)
    }

    /// Somebody waits for the object, and cannot wait for longer.
    mutating func shorten(_ key: CacheKey, to last: Moment) {
        if let end = end(of: key), end > last { ends[key] = last }
        if let told = witness, told.key == key, told.end > last { witness?.end = last }
    }

    /// Somebody waits for anything of the origin.
    mutating func shortenAll(to last: Moment) { ofAll = ofAll.map { min($0, last) } }
}

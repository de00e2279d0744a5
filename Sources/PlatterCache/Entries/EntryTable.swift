import HTTPTypes
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore
import Synchronization

/// The entries in use, so that all who read one share its file and its flights. Says nothing about
/// what exists: only the index does.
package final class EntryTable: Sendable {
    /// Entries kept open for nobody, so that the next request need not open the file again [256, and
    /// half of that for a moment].
    static let idleLimit = 256
    /// How long a resource that cannot be stored is passed through without trying again [60 s].
    static let bypassTime = Duration.seconds(60)
    static let bypassLimit = 10_000
    /// Resources whose versions are remembered [1000].
    static let historyLimit = 1000

    /// Why a resource is passed through.
    package enum PassReason: Hashable, Sendable {
        /// It cannot or must not be stored.
        case unstorable
        /// Its file takes no bytes.
        case store
    }

    private struct State {
        var entries: [CacheKey: Entry] = [:]
        var bypassed: [CacheKey: (until: Moment, reason: PassReason)] = [:]
        var histories: [CacheKey: VersionHistory] = [:]
        var nextHandle: UInt64 = 1
        /// Entries that came since idle ones were last looked for.
        var arrivals = 0

        mutating func history<Answer>(
            of key: CacheKey, _ event: (inout VersionHistory) -> Answer
        ) -> Answer {
            if histories.count >= EntryTable.historyLimit { histories = [:] }
            return event(&histories[key, default: VersionHistory()])
        }
    }

    /// Who needs which bytes of the entries.
    package let spans = SpanTable()
    let unsettled = UnsettledFiles()
    private let state = NIOLockedValueBox(State())
    private let changes = Synchronization.Atomic(0)
    private let disk: any Disk

    package init(disk: any Disk) { self.disk = disk }

    /// Grows with each change of which entry a key has, or of what is bypassed.
    var changeCount: Int { changes.load(ordering: .acquiring) }

    private func change<Answer>(_ body: (inout State) -> Answer) -> Answer {
        state.withLockedValue { state in
            defer { changes.wrappingAdd(1, ordering: .releasing) }
            return body(&state)
        }
    }

    /// The entry of a record that the index has just given. Not open yet when the flight that wrote
    /// the record is just about to open it, or when the record is about to be deleted.
    ///
    /// - Throws: `DiskError` when its file cannot be opened: the record is worth nothing then.
    package func entry(
        of record: EntryRecord, resource: Resource
    ) throws(DiskError) -> Entry {
        if let entry = openEntry(of: record, resource: resource) { return entry }
        let opened = try open(record)
        return change { state in
            if let entry = state.entries[resource.key],
                entry.opened.map({ $0.record.id == record.id && !$0.file.isDetached }) ?? true
            {
                return entry
            }
            return Self.insert(resource, opened: opened, into: &state)
        }
    }

    /// The same, without touching the disk; nil when the file must be opened.
    package func openEntry(of record: EntryRecord, resource: Resource) -> Entry? {
        let known = known(resource.key)
        if spans.isCondemned(record.file) {
            let isOther = known.map { $0.opened?.record.id != record.id } ?? false
            return isOther ? known : opening(resource, after: known)
        }
        guard let entry = known else { return nil }
        guard let opened = entry.opened else { return entry }
        guard opened.record.id == record.id, !opened.file.isDetached else { return nil }
        if entry.resource.fields != resource.fields { entry.refresh(resource) }
        return entry
    }

    /// What there is of a resource.
    package enum Found: Sendable {
        /// The index has it.
        case recorded(EntryRecord)
        /// The index knows nothing of it: it is to be opened, or is being opened.
        case unopened(Entry)
    }

    /// Asks the index for a resource, and once more where somebody has opened it meanwhile: of two entries of
    /// one record each would fetch for its own readers.
    package func find(
        _ resource: Resource, ask: (CacheKey) throws(IndexError) -> EntryRecord?
    ) throws(IndexError) -> Found {
        var gone: Entry?
        while true {
            if let record = try ask(resource.key) { return .recorded(record) }
            if let entry = opening(resource, after: gone) { return .unopened(entry) }
            gone = known(resource.key)
        }
    }

    /// The entry that is being opened for a resource of which the index knows nothing.
    ///
    /// - Parameter gone: It was open before the index was asked.
    /// - Returns: nil when another one is open: the index may know it by now.
    func opening(_ resource: Resource, after gone: Entry? = nil) -> Entry? {
        change { state in
            guard let entry = state.entries[resource.key], entry !== gone else {
                return Self.insert(resource, opened: nil, into: &state)
            }
            guard entry.opened == nil else { return nil }
            entry.refresh(resource)
            return entry
        }
    }

    func open(_ record: EntryRecord) throws(DiskError) -> Entry.Opened {
        Entry.Opened(record: record, file: try disk.openFile(record.file, left: record.stamp))
    }

    private func known(_ key: CacheKey) -> Entry? { state.withLockedValue { $0.entries[key] } }

    private static func insert(
        _ resource: Resource, opened: Entry.Opened?, into state: inout State
    ) -> Entry {
        state.arrivals += 1
        // Not for each: thousands may be in use, and all are looked at.
        if state.entries.count >= idleLimit, state.arrivals >= idleLimit / 2 {
            state.arrivals = 0
            dropIdle(&state)
        }
        let entry = Entry(
            handle: EntryHandle(state.nextHandle), resource: resource, opened: opened)
        state.nextHandle += 1
        state.entries[resource.key] = entry
        return entry
    }

    /// Closes entries that only the table holds, down to half of the limit.
    private static func dropIdle(_ state: inout State) {
        var excess = state.entries.count - idleLimit / 2
        for key in Array(state.entries.keys) where excess > 0 {
            guard var entry = state.entries.removeValue(forKey: key) else { continue }
            if isKnownUniquelyReferenced(&entry) {
                excess -= 1
            } else {
                state.entries[key] = entry
            }
        }
    }

    /// Forgets an entry: the next request starts from the index again.
    package func forget(_ entry: Entry) {
        change { state in
            let key = entry.resource.key
            if state.entries[key] === entry { state.entries[key] = nil }
        }
    }

    /// Forgets the entry of a record that was deleted.
    func forget(_ record: EntryRecord) {
        unsettled.remove(record.id)
        change { state in
            let key = record.representation.key
            if state.entries[key]?.opened?.record.id == record.id { state.entries[key] = nil }
        }
    }

    /// The same, when only the index's number of it is known.
    func forget(_ id: EntryID) {
        change { state in
            for (key, entry) in state.entries where entry.opened?.record.id == id {
                state.entries[key] = nil
            }
        }
    }

    /// The same of one whose file belongs to no entry any more: somebody has deleted its row.
    func forget(ownerOf file: DataFileName) {
        change { state in
            for (key, entry) in state.entries where entry.opened?.record.file == file {
                state.entries[key] = nil
            }
        }
    }

    package func forgetAll() {
        _ = unsettled.takeAll()
        change { $0.entries = [:] }
    }

    // MARK: - What cannot be stored

    package func isBypassed(_ key: CacheKey, now: Moment) -> Bool {
        reasonToBypass(key, now: now) != nil
    }

    /// nil when it is not.
    package func reasonToBypass(_ key: CacheKey, now: Moment) -> PassReason? {
        state.withLockedValue { state in
            guard let (until, reason) = state.bypassed[key] else { return nil }
            if until > now { return reason }
            state.bypassed[key] = nil
            return nil
        }
    }

    /// See `VersionHistory.opens`.
    func opens(_ representation: Representation, now: Moment) -> Bool {
        state.withLockedValue { state in
            state.history(of: representation.key) {
                $0.opens(
                    representation.validator, completeLength: representation.completeLength,
                    now: now)
            }
        }
    }

    /// See `VersionHistory.superseded`.
    func superseded(_ key: CacheKey) {
        state.withLockedValue { state in state.history(of: key) { $0.superseded() } }
    }

    /// See `VersionHistory.hasChanged`.
    func hasChanged(_ key: CacheKey) -> Bool {
        state.withLockedValue { $0.histories[key]?.hasChanged ?? false }
    }

    /// See `VersionHistory.confirmed`.
    func confirmed(_ key: CacheKey) {
        state.withLockedValue { $0.histories[key]?.confirmed() }
    }

    package func bypass(
        _ key: CacheKey, now: Moment, for time: Duration = EntryTable.bypassTime,
        because reason: PassReason = .unstorable
    ) {
        change { state in
            if state.bypassed.count >= Self.bypassLimit {
                state.bypassed = state.bypassed.filter { $0.value.until > now }
                if state.bypassed.count >= Self.bypassLimit { state.bypassed = [:] }
            }
            state.bypassed[key] = (now.advanced(by: time), reason)
        }
    }
}

package import HTTPTypes
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterHTTP
package import PlatterStore

/// An entry in use: a resource being opened, or the representation that it turned out to be. One
/// object an entry, whoever asks; its bytes are in one file.
package final class Entry: Sendable {
    /// What is known once the origin has answered, or from the index. Never changes: another version
    /// of the resource is another entry.
    package final class Opened: Sendable {
        package let record: EntryRecord
        package let file: any DataFile
        /// The origin's header fields that are kept.
        package let fields: HTTPFields
        /// What conditional requests are compared with. An origin without an entity tag, or with a weak one
        /// beside a date that is strong, gets one of ours, the same after restarts: players use it to notice a
        /// change, and need it to be strong.
        package let metadata: RepresentationMetadata

        init(record: EntryRecord, file: any DataFile) {
            self.record = record
            self.file = file
            // Fields that cannot be read are worth nothing; the bytes still are.
            fields = StoredFields.parse(record.fields) ?? [:]
            metadata = Self.metadata(of: record, fields)
        }

        private static func metadata(
            of record: EntryRecord, _ fields: HTTPFields
        ) -> RepresentationMetadata {
            let stored = RepresentationMetadata(fields: fields, receivedAt: record.createdAt)
            let isDated: Bool
            switch record.representation.validator {
            case .modified, .modifiedWithTag: isDated = true
            case .strong, .weak, .weaklyModified, .weaklyModifiedWithTag, .absent: isDated = false
            }
            guard stored.etag == nil || isDated else { return stored }
            return RepresentationMetadata(
                etag: EntityTag.parse("\"\(record.file.text.prefix(32))\""),
                lastModified: stored.lastModified,
                lastModifiedIsStrong: stored.lastModifiedIsStrong || isDated)
        }

        package var grid: ChunkGrid { record.grid }
        package var completeLength: Int64 { record.grid.completeLength }

        /// What a response must agree with before its bytes may join these.
        package var identity: RepresentationIdentity {
            RepresentationIdentity(
                validator: record.representation.validator, completeLength: completeLength,
                contentType: record.contentType)
        }
    }

    package let handle: EntryHandle
    private let state: NIOLockedValueBox<State>

    private struct State {
        var resource: Resource
        var opened: Opened?
        var habit = ProbeHabit()
        /// Of answers that came to open it.
        var openingFlaws = FlawedAnswers()
        var flaws = FlawedAnswers()
        var lacksRanges = false
        /// Until when it counts as sent in a content coding.
        var codedUntil = Moment.start
        /// Changes of its file by others that flights' marks were distrusted for.
        var foreignChanges = 0
        /// Changes of its file by others when people were last told of one; nil when they never were.
        var toldChanges: Int?
        /// When it may be filled to its end; nil while it is, and when it was.
        var fillsFrom: Moment? = .start
    }

    package init(handle: EntryHandle, resource: Resource, opened: Opened? = nil) {
        self.handle = handle
        state = NIOLockedValueBox(State(resource: resource, opened: opened))
    }

    /// The resource as last asked for: its fields may carry fresher credentials than the first.
    package var resource: Resource { state.withLockedValue { $0.resource } }

    /// nil while the entry is being opened.
    package var opened: Opened? { state.withLockedValue { $0.opened } }

    /// The origin sends it in a content coding, again and again. For a while [10 min] no response begins with what is
    /// on disk that could not go on after that.
    func foundCoded(now: Moment) {
        state.withLockedValue { $0.codedUntil = now.advanced(by: .seconds(600)) }
    }

    package func isCoded(now: Moment) -> Bool { state.withLockedValue { now < $0.codedUntil } }

    /// Whether its origin sends the whole whatever is asked, as far as its last answer says.
    package var lacksRanges: Bool { state.withLockedValue { $0.lacksRanges } }

    package func refresh(_ resource: Resource) {
        state.withLockedValue { $0.resource = resource }
    }

    /// The settings for the next reader: what the last ones did makes its first request smaller.
    func readAhead(_ settings: ReadAhead.Settings) -> ReadAhead.Settings {
        var settings = settings
        settings.firstRequest = state.withLockedValue { $0.habit.firstRequest(settings) }
        return settings
    }

    func readerClosed(taken: Int64, asked: Int64, settings: ReadAhead.Settings) {
        state.withLockedValue { $0.habit.closed(taken: taken, asked: asked, settings: settings) }
    }

    /// Changes of its file by others, as far as noticed, when the marks of flights were not distrusted for
    /// all of them yet; nil when they were.
    var disturbance: Int? {
        state.withLockedValue { state in
            let count = state.opened?.file.foreignChangeCount ?? 0
            return count == state.foreignChanges ? nil : count
        }
    }

    /// The marks of flights are distrusted for that disturbance, and not only about to be: nobody may believe
    /// one meanwhile.
    func marksDistrusted(for disturbance: Int) {
        state.withLockedValue { $0.foreignChanges = max($0.foreignChanges, disturbance) }
    }

    /// Somebody has met a change of its file by others.
    ///
    /// - Returns: Whether people are to be told: once for each change, however many meet it.
    package func tellsOfChange() -> Bool {
        state.withLockedValue { state in
            let count = state.opened?.file.foreignChangeCount ?? 0
            defer { state.toldChanges = count }
            return state.toldChanges != count
        }
    }

    /// What came to open it cannot be used.
    ///
    /// - Returns: Whether that was so a moment before too.
    func isFlawedAgain(askedAt: Moment, now: Moment) -> Bool {
        state.withLockedValue { $0.openingFlaws.add(askedAt: askedAt, now: now) != .accident }
    }

    /// The origin has said what there is to open, be it nothing.
    func answeredAtAll() { state.withLockedValue { $0.openingFlaws.end() } }

    /// Something came for it, now that it is open, that cannot be used.
    func flawed(askedAt: Moment, now: Moment) -> FlawedAnswers.Standing {
        state.withLockedValue { $0.flaws.add(askedAt: askedAt, now: now) }
    }

    /// What came for it can be used.
    ///
    /// - Parameter isWhole: Though a part of it was asked for.
    func answeredWell(isWhole: Bool) {
        state.withLockedValue { state in
            state.flaws.end()
            state.lacksRanges = isWhole
        }
    }

    /// A fill is to begin.
    ///
    /// - Returns: false while there is one, when there was one, and for a while after one that failed.
    func beginsFill(now: Moment) -> Bool {
        state.withLockedValue { state in
            guard let start = state.fillsFrom, now >= start else { return false }
            state.fillsFrom = nil
            return true
        }
    }

    /// A fill failed.
    func fillFailed(until end: Moment) { state.withLockedValue { $0.fillsFrom = end } }

    /// - Returns: false when it turned out to be something else before: two requests may open it.
    func open(_ opened: Opened) -> Bool {
        state.withLockedValue { state in
            if let earlier = state.opened { return earlier.record.id == opened.record.id }
            state.opened = opened
            return true
        }
    }
}

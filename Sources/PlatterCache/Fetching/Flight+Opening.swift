import HTTPTypes
import Logging
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

/// What the first response says the resource is.
extension Flight {
    func accept(
        _ verdict: Verdict, of response: OriginResponse, for order: FlightOrder,
        requestedAt: Moment
    ) async -> FlightOutcome {
        switch verdict {
        case .partial(let head):
            return await begin(head, of: response, lacksRanges: false, requestedAt: requestedAt)
        case .whole(let head):
            guard wanted(of: order, head) <= Self.skipLimit else {
                // A server that has the object from another just now may only do so this once.
                let isAgain = entry.isFlawedAgain(askedAt: requestedAt, now: services.clock.now)
                return isAgain ? bypass("the origin has no ranges") : .untrusted
            }
            entry.answeredWell(isWhole: true)
            return await begin(head, of: response, lacksRanges: true, requestedAt: requestedAt)
        case .wholeUnusable(let reason): return bypass("\(reason)")
        default: return await refuse(verdict, askedAt: requestedAt)
        }
    }

    /// Where the first byte wanted is in a body that starts at 0.
    private func wanted(of order: FlightOrder, _ head: AcceptedHead) -> Int64 {
        switch order.start {
        case .offset(let first): first
        case .suffix(let count): max(0, head.completeLength - count)
        }
    }

    /// The entry is what the response says; its body is the first of its bytes.
    private func begin(
        _ head: AcceptedHead, of response: OriginResponse, lacksRanges: Bool, requestedAt: Moment
    ) async -> FlightOutcome {
        let url = entry.resource.url
        guard head.validator.isStrong || services.trustedOrigins.contains(url.origin) else {
            return bypass("no strong validator")
        }
        let representation = Representation(
            key: entry.resource.key, validator: head.validator,
            completeLength: head.completeLength)
        if services.table.opens(representation, now: services.clock.now) {
            return bypass("its versions only alternate", for: VersionHistory.window)
        }
        // Fields of a registered stream are part of its key, so what they show is for it alone.
        switch Storability.decide(requestHasAuthorization: false, fields: response.fields) {
        case .store: break
        case .bypass(let reason): return bypass("\(reason)")
        }
        guard await services.evictor.pledge(of: roomNeeded(head.body.length)) != nil else {
            return hasNoRoom()
        }
        do {
            let opened = try await establish(head, fields: response.fields)
            guard entry.open(opened) else { return .ended }
            queue.opened(
                id, body: head.body, completeLength: head.completeLength, lacksRanges: lacksRanges)
            return await store(
                response, range: head.body, sendsWhole: lacksRanges, limit: head.body.upperBound,
                opened: opened, requestedAt: requestedAt)
        } catch {
            return refused(error)
        }
    }

    /// The disk or the index takes nothing. On a thread that may block, if the disk it is.
    func refused(_ error: any Error) -> FlightOutcome {
        if Refusal.isOfFile(error, on: services.disk) {
            passBy(error)
        } else {
            services.admission.refused(error)
        }
        // Opened for reading only, it would stay so after the file system takes bytes again.
        if let error = error as? DiskError, error.code == .readOnly || error.code == .permission {
            services.table.forget(entry)
        }
        if error.isForWantOfRoom { services.evictor.look() }
        return .failed(.store)
    }

    /// Files that cannot be written may be mended soon [10 s]; what is too large for the file system stays so.
    private static let passByTime = Duration.seconds(10)

    private func passBy(_ error: any Error) {
        let resource = entry.resource
        services.log.error(
            "A file of the cache takes no bytes; what belongs into it is passed through",
            metadata: ["url": "\(resource.url.redacted)", "error": "\(error)"])
        let isLasting = (error as? DiskError)?.code == .tooLarge
        services.table.bypass(
            resource.key, now: services.clock.now,
            for: isLasting ? EntryTable.bypassTime : Self.passByTime, because: .store)
    }

    func bypass(_ reason: String, for time: Duration = EntryTable.bypassTime) -> FlightOutcome {
        let resource = entry.resource
        services.log.info(
            "Not stored, passed through",
            metadata: ["url": "\(resource.url.redacted)", "reason": "\(reason)"])
        services.table.bypass(resource.key, now: services.clock.now, for: time)
        return .failed(.bypass)
    }

    /// Writes the entry into the index and opens its file.
    private func establish(
        _ head: AcceptedHead, fields: HTTPFields
    ) async throws -> Entry.Opened {
        let key = entry.resource.key
        let representation = Representation(
            key: key, validator: head.validator, completeLength: head.completeLength)
        guard
            let new = NewEntry(
                representation, chunkLength: services.chunkLength,
                file: DataFileName(representation, salt: .random(in: .min ... .max)),
                origin: entry.resource.url.origin, contentType: head.contentType,
                fields: StoredFields.serialised(StoredFields.select(from: fields)),
                createdAt: services.wallClock(), hasReturned: services.table.hasChanged(key))
        else { throw IndexError(.constraint, "the entry's lengths are out of range") }
        let record = try await openEntry(new)
        do {
            return try services.table.open(record)
        } catch  where error.code == .missing {
            // Either the row is new, or its file has gone and with it all that the rows promise.
            services.disk.detachFiles(without: record.file)
            _ = try await services.index.dropRuns(0..<Int64.max, of: record.id)
            do {
                return try await create(record)
            } catch {
                // An entry without a file would only be in the way.
                _ = try? await services.index.deleteEntry(record.id)
                throw error
            }
        }
    }

    /// When the index has no room for a row, some is made and it is tried once more. The disk need not look
    /// full: it may be a quota that is used up.
    private func openEntry(_ new: NewEntry) async throws -> EntryRecord {
        do {
            return try await services.index.openEntry(new)
        } catch {
            guard error.isForWantOfRoom, await services.evictor.makeRoom() else { throw error }
        }
        return try await services.index.openEntry(new)
    }

    /// Entries removed for the sake of a new file [2].
    private static let mostRemovals = 2

    private func create(_ record: EntryRecord) async throws(DiskError) -> Entry.Opened {
        for _ in 0..<Self.mostRemovals {
            do throws(DiskError) {
                return Entry.Opened(
                    record: record, file: try services.disk.createFile(record.file))
            } catch {
                // Another request may have made it at the same instant.
                if error.code == .exists { return try services.table.open(record) }
                // A disk can run out of files before it runs out of bytes.
                guard error.isForWantOfRoom, await services.evictor.removeEntry() else {
                    throw error
                }
            }
        }
        return Entry.Opened(record: record, file: try services.disk.createFile(record.file))
    }
}

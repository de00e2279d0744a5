import HTTPTypes
import Logging
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

/// One fetch on its way from the origin into the file: asks, checks, writes, announces, records.
/// Decides nothing about what is fetched or tried again.
struct Flight: Sendable {
    let id: FlightID
    let entry: Entry
    let control: FlightControl
    let queue: FetchDispatcher
    let services: FetchServices

    /// Room is reserved for a request of this size and more [1 MiB]: what a smaller one does not bring
    /// would stay reserved.
    private static let leastReservation: Int64 = 1 << 20

    /// How much of a body is brought only to get to what is wanted, when an origin has no ranges
    /// [8 MiB].
    private static let skipLimit: Int64 = 8 << 20

    /// Looks in the index for what is really missing.
    func plan(_ order: FlightOrder) async {
        guard let opened = entry.opened, case .offset(let start) = order.start else {
            return queue.planned(id, gap: nil)
        }
        do {
            let range = start..<max(start, order.searchEnd)
            let gap = try await services.search.firstGap(of: opened.record.id, in: range)
            queue.planned(id, gap: gap)
        } catch {
            services.log.error("The index cannot be read", metadata: ["error": "\(error)"])
            queue.abandon(entry, failure: .store)
            queue.planned(id, gap: nil)
        }
    }

    /// Sends the request whose response says what the resource is.
    func open(_ order: FlightOrder) async {
        let asked: AskedRange =
            switch order.start {
            case .offset(let first): .from(first, upTo: first.addingClamped(order.length))
            case .suffix(let count): .suffix(count)
            }
        let requestedAt = services.clock.now
        let outcome: FlightOutcome
        do {
            let response = try await fetch(asked)
            let verdict = ResponseCheck.verdict(
                status: response.status, fields: response.fields,
                expectation: FetchExpectation(asked: asked, identity: nil),
                receivedAt: services.wallClock())
            outcome = await accept(
                verdict, of: response, for: order, requestedAt: requestedAt)
        } catch {
            outcome = failed(error)
        }
        land(outcome)
    }

    /// Fetches a range of an entry that is open.
    func fly(_ range: ByteRange) async {
        guard let opened = entry.opened else { return land(.failed(.changed)) }
        let asked = AskedRange.from(range.lowerBound, upTo: range.upperBound)
        let requestedAt = services.clock.now
        let outcome: FlightOutcome
        do {
            let response = try await fetch(asked)
            let verdict = ResponseCheck.verdict(
                status: response.status, fields: response.fields,
                expectation: FetchExpectation(asked: asked, identity: opened.identity),
                receivedAt: services.wallClock())
            switch verdict {
            case .partial(let head):
                outcome = await store(
                    response, range: head.body, limit: range.upperBound, opened: opened,
                    requestedAt: requestedAt)
            case .whole(let head) where range.lowerBound <= Self.skipLimit:
                let body = range.lowerBound..<head.body.upperBound
                outcome = await store(
                    response, range: body, sendsWhole: true, skipping: range.lowerBound,
                    limit: queue.sendsWhole(id), opened: opened, requestedAt: requestedAt)
            default: outcome = await refuse(verdict)
            }
        } catch {
            outcome = failed(error)
        }
        land(outcome)
    }

    private func fetch(_ asked: AskedRange) async throws(OriginError) -> OriginResponse {
        let resource = entry.resource
        return try await services.origin.fetch(
            OriginRequest(url: resource.url, fields: resource.fields, range: asked))
    }

    private func failed(_ error: OriginError) -> FlightOutcome {
        if error != .cancelled { note("The origin does not answer", "\(error)") }
        return FlightOutcome(error)
    }

    /// Faults that are tried again come often: not for the eyes of everybody.
    private func note(_ message: Logger.Message, _ reason: String) {
        services.log.info(
            message, metadata: ["url": "\(entry.resource.url.redacted)", "reason": "\(reason)"])
    }

    /// The slot is free. What was brought is recorded by now, or on its way into the index.
    private func land(_ outcome: FlightOutcome) {
        queue.landed(id, outcome: outcome)
        guard let opened = entry.opened else { return queue.recorded(id) }
        // Commands are committed in order: when this one is, all runs of the flight are.
        services.index.touch([opened.record.id: services.wallClock()]) { [queue, id, control] _ in
            // In this order: until then readers take the flight's word for its bytes.
            queue.recorded(id)
            control.letGo()
        }
    }

    // MARK: - Opening

    private func accept(
        _ verdict: Verdict, of response: OriginResponse, for order: FlightOrder,
        requestedAt: Moment
    ) async -> FlightOutcome {
        switch verdict {
        case .partial(let head):
            return await begin(head, of: response, lacksRanges: false, requestedAt: requestedAt)
        case .whole(let head):
            guard wanted(of: order, head) <= Self.skipLimit else {
                return bypass("the origin has no ranges")
            }
            return await begin(head, of: response, lacksRanges: true, requestedAt: requestedAt)
        case .wholeUnusable(let reason): return bypass("\(reason)")
        default: return await refuse(verdict)
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
        guard head.validator.isStrong else { return bypass("no strong validator") }
        // Fields of a registered stream are part of its key, so what they show is for it alone.
        switch Storability.decide(requestHasAuthorization: false, fields: response.fields) {
        case .store: break
        case .bypass(let reason): return bypass("\(reason)")
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
            services.log.error("Nothing can be stored", metadata: ["error": "\(error)"])
            return .failed(.store)
        }
    }

    private func bypass(_ reason: String) -> FlightOutcome {
        let resource = entry.resource
        services.log.info(
            "Not stored, passed through",
            metadata: ["url": "\(resource.url.redacted)", "reason": "\(reason)"])
        services.table.bypass(resource.key, now: services.clock.now)
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
                createdAt: services.wallClock())
        else { throw IndexError(.constraint, "the entry's lengths are out of range") }
        let record = try await services.index.openEntry(new)
        do {
            return try services.table.open(record)
        } catch  where error.code == .missing {
            // Either the row is new, or its file has gone and with it all that the rows promise.
            services.index.drop(0..<Int64.max, of: record.id) { _ in }
            try await services.index.flush()
            do {
                _ = try services.disk.createFile(record.file)
            } catch  where error.code == .exists {
                // Another request has opened it at the same instant.
            }
            return try services.table.open(record)
        }
    }

    // MARK: - Storing

    /// - Parameters:
    ///   - sendsWhole: The body is longer than what was asked for.
    ///   - skipping: Bytes of the body that come before `range`.
    private func store(
        _ response: OriginResponse, range: ByteRange, sendsWhole: Bool = false,
        skipping: Int64 = 0, limit: Int64, opened: Entry.Opened, requestedAt: Moment
    ) async -> FlightOutcome {
        let wanted = range.clamped(to: 0..<max(limit, 0))
        guard
            let hold = services.table.spans.hold(wanted, of: opened.record.id, as: .flight)
        else {
            services.table.forget(entry)
            return .failed(.changed)
        }
        control.keep(hold)
        var transfer = Transfer(
            opened: opened, start: range.lowerBound, requestedAt: requestedAt,
            headAt: services.clock.now)
        let outcome: FlightOutcome
        if !sendsWhole, wanted.length >= Self.leastReservation { reserve(wanted, in: opened.file) }
        do {
            outcome = try await receive(
                response, range: range, skipping: skipping, limit: limit, into: &transfer)
        } catch let error as DiskError {
            services.log.error("The disk refuses bytes", metadata: ["error": "\(error)"])
            if error.code == .noSpace || error.code == .quota { services.evictor.look() }
            outcome = .failed(.store)
        } catch {
            outcome = control.isCancelled ? .ended : .retryable(after: nil)
            if !control.isCancelled { note("The origin breaks off", "\(error)") }
        }
        record(transfer.finish(), of: opened)
        return outcome
    }

    private func reserve(_ range: ByteRange, in file: any DataFile) {
        do {
            try file.allocate(range)
        } catch {
            services.log.warning("No room could be reserved", metadata: ["error": "\(error)"])
        }
    }

    private func receive(
        _ response: OriginResponse, range: ByteRange, skipping: Int64, limit: Int64,
        into transfer: inout Transfer
    ) async throws -> FlightOutcome {
        var toSkip = skipping
        let last = min(range.upperBound, max(limit, range.lowerBound))
        for try await var buffer in response.body {
            let skipped = min(toSkip, Int64(buffer.readableBytes))
            buffer.moveReaderIndex(forwardBy: Int(skipped))
            toSkip -= skipped
            while buffer.readableBytes > 0 {
                let before = transfer.mark
                record(
                    try transfer.write(&buffer, upTo: min(last, control.end)), of: transfer.opened)
                guard transfer.mark > before else { return .ended }
                let now = services.clock.now
                queue.advanced(id, mark: transfer.mark, pace: transfer.pace(now: now))
            }
            if transfer.mark >= min(last, control.end), transfer.mark < range.upperBound {
                return .ended
            }
        }
        let isShort = transfer.mark < min(range.upperBound, control.end)
        return isShort ? .retryable(after: nil) : .ended
    }

    private func record(_ runs: [StoredRun], of opened: Entry.Opened) {
        guard !runs.isEmpty else { return }
        services.index.record(runs, in: opened.record.id) { [queue, entry, services] result in
            guard case .failure(let error) = result else {
                let bytes = runs.reduce(Int64(0)) { $0.addingClamped($1.range.length) }
                return services.evictor.recorded(bytes)
            }
            services.log.error("The index refuses a range", metadata: ["error": "\(error)"])
            let isGone = error.code == .entryGone
            if isGone { services.table.forget(entry) }
            queue.abandon(entry, failure: isGone ? .changed : .store)
        }
    }

    // MARK: - Refusing

    private func refuse(_ verdict: Verdict) async -> FlightOutcome {
        switch verdict {
        case .partial, .whole, .wholeUnusable: return .failed(.bypass)
        case .unsatisfiable(let length):
            guard entry.opened != nil else {
                return .failed(.unsatisfiable(completeLength: length))
            }
            return .failed(await supersede())
        case .changed(.contentType):
            // A page where media was is no new version: a login, or a fault that will pass.
            services.log.warning(
                "The origin sends a document instead of media",
                metadata: ["url": "\(entry.resource.url.redacted)"])
            return .retryable(after: nil)
        case .changed(let reason):
            services.log.notice(
                "The origin has another version",
                metadata: ["url": "\(entry.resource.url.redacted)", "reason": "\(reason)"])
            return .failed(await supersede())
        case .retryable(let status, let after):
            note("The origin answers with a fault", "\(status)")
            return .retryable(after: after.map { .seconds($0) })
        case .rejected(let status): return .failed(.status(status))
        case .redirect: return .failed(.status(502))
        case .malformed(let reason):
            services.log.warning(
                "The origin's answer cannot be trusted",
                metadata: ["url": "\(entry.resource.url.redacted)", "reason": "\(reason)"])
            return entry.opened == nil ? bypass("\(reason)") : .retryable(after: nil)
        }
    }

    /// Closes the entry for new readers: the next request opens the new version. That is in the index
    /// before any reader is told, else it would start again with the old record.
    private func supersede() async -> FetchFailure {
        if let opened = entry.opened {
            let log = services.log
            services.index.supersede(opened.record.id, at: services.wallClock()) { result in
                guard case .failure(let error) = result else { return }
                log.error("The index cannot be written", metadata: ["error": "\(error)"])
            }
            // Fails as the command before it does, which was told.
            try? await services.index.flush()
        }
        services.table.forget(entry)
        return .changed
    }
}

extension FlightOutcome {
    init(_ error: OriginError) {
        switch error {
        case .unreachable, .timedOut: self = .retryable(after: nil)
        case .badRedirect: self = .failed(.status(502))
        case .cancelled: self = .ended
        }
    }
}

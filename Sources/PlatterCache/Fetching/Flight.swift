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

    /// Room is reserved in pieces of this size [1 MiB]: what a flight that ends early does not bring
    /// stays reserved.
    static let reservation: Int64 = 1 << 20

    /// How much of a body is brought only to get to what is wanted, when an origin has no ranges
    /// [8 MiB].
    static let skipLimit: Int64 = 8 << 20

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
        guard services.admission.admits() else { return land(.failed(.store)) }
        let requestedAt = services.clock.now
        let outcome: FlightOutcome
        do {
            let expectation = FetchExpectation(asked: asked, identity: nil)
            let response = try await fetch(expectation)
            // Another one was faster: what this one says must not speak against it.
            guard entry.opened == nil else { return land(.ended) }
            let verdict = ResponseCheck.verdict(
                status: response.status, fields: response.fields,
                expectation: expectation, receivedAt: services.wallClock())
            outcome = await accept(
                verdict, of: response, for: order, requestedAt: requestedAt)
        } catch {
            outcome = failed(error, askedAt: requestedAt)
        }
        land(outcome)
    }

    /// Fetches a range of an entry that is open.
    func fly(_ range: ByteRange) async {
        guard let opened = entry.opened, !opened.file.isDetached else {
            return land(.failed(.changed))
        }
        guard services.admission.admits() else { return land(.failed(.store)) }
        // A look: an origin that does not answer is to hold no room.
        guard await services.evictor.pledge(of: roomNeeded(range.length)) != nil else {
            return land(hasNoRoom())
        }
        let asked = AskedRange.from(range.lowerBound, upTo: range.upperBound)
        let requestedAt = services.clock.now
        let outcome: FlightOutcome
        do {
            let expectation = FetchExpectation(asked: asked, identity: opened.identity)
            let response = try await fetch(expectation)
            let verdict = ResponseCheck.verdict(
                status: response.status, fields: response.fields,
                expectation: expectation, receivedAt: services.wallClock())
            let isDoubted = verdict.isWhole && queue.doubtsWhole(id)
            if verdict.isOfVersion, !isDoubted { answeredWell(isWhole: verdict.isWhole) }
            if let reason = Self.reasonToEnd(verdict, response.fields) {
                return land(await ends(reason))
            }
            switch verdict {
            case .partial(let head):
                outcome = await store(
                    response, range: head.body, limit: range.upperBound, opened: opened,
                    requestedAt: requestedAt)
            case .whole where isDoubted:
                note("The origin sends the whole", "it brings another part by range just now")
                outcome = flawed(askedAt: requestedAt)
            case .whole(let head) where range.lowerBound <= Self.skipLimit:
                let body = range.lowerBound..<head.body.upperBound
                outcome = await store(
                    response, range: body, sendsWhole: true, skipping: range.lowerBound,
                    limit: queue.sendsWhole(id), opened: opened, requestedAt: requestedAt)
            default: outcome = await refuse(verdict, askedAt: requestedAt)
            }
        } catch {
            outcome = failed(error, askedAt: requestedAt)
        }
        land(outcome)
    }

    /// - Parameter expectation: Of the answer's head.
    private func fetch(
        _ expectation: FetchExpectation
    ) async throws(OriginError) -> OriginResponse {
        let resource = entry.resource
        return try await services.origin.fetch(
            OriginRequest(
                url: resource.url, fields: resource.fields, range: expectation.asked
            ) { [lacksRanges = entry.lacksRanges, wallClock = services.wallClock] in
                ResponseCheck.isHopedFor(
                    status: $0, fields: $1, expectation: expectation, lacksRanges: lacksRanges,
                    receivedAt: wallClock())
            })
    }

    private func failed(_ error: OriginError, askedAt: Moment) -> FlightOutcome {
        if error != .cancelled { note("The origin does not answer", "\(error)") }
        if let trouble = OriginTrouble(error) { queue.note(trouble, of: entry.resource.origin) }
        return error == .invalid ? unusable(askedAt: askedAt) : FlightOutcome(error)
    }

    /// Faults that are tried again come often: not for the eyes of everybody.
    func note(_ message: Logger.Message, _ reason: String) {
        services.log.info(
            message, metadata: ["url": "\(entry.resource.url.redacted)", "reason": "\(reason)"])
    }

    /// The slot is free. What was brought is recorded by now, or on its way into the index.
    private func land(_ outcome: FlightOutcome) {
        queue.landed(id, outcome: outcome)
        guard let opened = entry.opened else { return queue.recorded(id) }
        // While the entry is held, and so not deleted.
        services.settler.landed(opened)
        services.index.touch([opened.record.id: services.wallClock()]) { _ in }
        // Commands are committed in order: when this one is, all runs of the flight are.
        services.index.note(opened.file.stamp, of: opened.record.id) {
            [queue, id, control, services] _ in
            // In this order: until then readers take the flight's word for its bytes.
            queue.recorded(id)
            let unrecorded = control.letGo()
            guard !unrecorded.isEmpty else { return }
            Task(executorPreference: services.executor) {
                for range in unrecorded {
                    await services.evictor.giveBack(range, of: opened.record)
                }
            }
        }
    }

    // MARK: - Refusing

    func refuse(_ verdict: Verdict, askedAt: Moment) async -> FlightOutcome {
        switch verdict {
        case .partial, .whole, .wholeUnusable: return .failed(.bypass)
        case .unsatisfiable(let length):
            guard let opened = entry.opened else {
                return .failed(.unsatisfiable(completeLength: length))
            }
            return await refusedRange(length: length, of: opened, askedAt: askedAt)
        case .changed(.contentType):
            // A page where media was is no new version: a login, or a fault that will pass.
            services.log.warning(
                "The origin sends a document instead of media",
                metadata: ["url": "\(entry.resource.url.redacted)"])
            return flawed(askedAt: askedAt)
        case .changed(let reason):
            services.succession.note(entry.resource, reason: "\(reason)")
            return .failed(await supersede())
        case .retryable(let status, let after):
            note("The origin answers with a fault", "\(status)")
            queue.note(.status(status), of: entry.resource.origin)
            let pause = after.map { Duration.seconds($0) }
            return ResponseCheck.isThrottling(status)
                ? .throttled(after: pause) : .retryable(after: pause)
        case .rejected(let status):
            entry.answeredAtAll()
            return .failed(.status(status))
        case .redirect: return .failed(.status(502))
        case .malformed(let reason):
            tell(reason)
            let outcome = unusable(askedAt: askedAt)
            guard reason == .contentCoded, outcome.isFailure else { return outcome }
            if entry.opened == nil { return bypass("\(reason)") }
            // That is how it is sent now.
            entry.foundCoded(now: services.clock.now)
            return outcome
        }
    }

    /// Closes the entry for new readers: the next request opens the new version.
    func supersede() async -> FetchFailure {
        if let opened = entry.opened {
            await services.succession.end(opened.record.id, key: entry.resource.key)
        }
        services.table.forget(entry)
        return .changed
    }
}

extension OriginTrouble {
    /// nil: it says nothing of whether the origin answers.
    init?(_ error: OriginError) {
        switch error {
        case .unreachable: self = .unreachable
        case .timedOut: self = .timedOut
        case .badRedirect, .badCertificate, .invalid, .cancelled: return nil
        }
    }
}

extension FlightOutcome {
    init(_ error: OriginError) {
        switch error {
        case .unreachable, .timedOut: self = .retryable(after: nil)
        case .badRedirect: self = .failed(.status(502))
        case .badCertificate: self = .failed(.badCertificate)
        // Which of them it is, those say that came before.
        case .invalid: self = .untrusted
        case .cancelled: self = .ended
        }
    }
}

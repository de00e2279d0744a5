import HTTPTypes
import Logging
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

/// One request of a passage: asks leave of its origin, sends it, checks the answer, and hands the body
/// on. Decides nothing about further tries.
struct PassageLeg: Sendable {
    let request: Bypass.Request
    let services: Bypass
    let receiver: Bypass.Receiver

    /// How much an origin without ranges may send in vain to get to what is wanted [64 MiB].
    private static let skipLimit: Int64 = 64 << 20
    /// A body that could go on elsewhere counts as broken when nothing came for so long [10 s]: two more
    /// requests have their time before the reader gives up.
    private static let stall = Duration.seconds(10)

    private typealias Result = (course: PassageCourse, ending: PassageCourse.Ending)

    func run(_ course: inout PassageCourse) async -> PassageCourse.Ending {
        course.begins()
        let watch = PassageWatch(timers: services.timers, interval: Self.stall)
        watch.expect(by: course.givesUpAt)
        let begun = course
        let result = await services.timers.run(
            limitedBy: { await watch.run() },
            body: { () -> Result? in
                var course = begun
                let ending = await send(&course, watch)
                return (course, ending)
            })
        // The body always brings a result.
        guard let result else { return .left }
        course = result.course
        return result.ending
    }

    private func send(
        _ course: inout PassageCourse, _ watch: PassageWatch
    ) async -> PassageCourse.Ending {
        let admission = await services.queue.admission(
            to: request.resource, deadline: course.deadline)
        guard let id = admission else { return services.queue.isStopped ? .left : .broken }
        expect(course, watch)
        let begun = services.clock.now
        let (resource, asked) = asked(course)
        let expectation = FetchExpectation(
            asked: asked ?? .from(0, upTo: nil), identity: course.promise?.identity)
        let response: OriginResponse
        do throws(OriginError) {
            response = try await ask(resource, asked, expectation).get()
        } catch {
            let outcome = outcome(of: error, since: begun, watch)
            services.queue.passed(id, outcome)
            let trouble = OriginTrouble(error) ?? (outcome == .unanswered ? .timedOut : nil)
            if let trouble { services.queue.note(trouble, of: request.resource.origin) }
            switch error {
            case .badRedirect: return .hopeless(.failed(status: 502, retryAfter: nil))
            case .badCertificate: return .hopeless(.badCertificate)
            case .invalid: return .invalid
            case .unreachable, .timedOut, .cancelled: return .broken
            }
        }
        let verdict = ResponseCheck.verdict(
            status: response.status, fields: response.fields,
            expectation: expectation, receivedAt: services.wallClock())
        services.queue.passed(id, PassageOutcome(verdict))
        if case .retryable(let status, _) = verdict {
            services.queue.note(.status(status), of: request.resource.origin)
        }
        return await take(response, verdict, &course, watch)
    }

    private func ask(
        _ resource: Resource, _ asked: AskedRange?, _ expectation: FetchExpectation
    ) async -> PassageRace.Answer {
        let once: @Sendable () async -> PassageRace.Answer = {
            do throws(OriginError) {
                if request.isHead, asked == nil {
                    return .success(try await fetchHead(of: resource))
                }
                return .success(try await fetch(resource, asked, expectation))
            } catch {
                return .failure(error)
            }
        }
        if request.isQuestion { return await once() }
        return await PassageRace(timers: services.timers, patience: services.waits.hedge).run(once)
    }

    func fetch(
        _ resource: Resource, _ asked: AskedRange?, _ expectation: FetchExpectation
    ) async throws(OriginError) -> OriginResponse {
        try await services.origin.fetch(
            OriginRequest(
                url: resource.url, fields: resource.fields, range: asked
            ) { [wallClock = services.wallClock] status, fields in
                ResponseCheck.isHopedFor(
                    status: status, fields: fields, expectation: expectation,
                    lacksRanges: true, receivedAt: wallClock())
            })
    }

    /// The first request is the reader's own; what follows is for bytes of one version, without a
    /// condition that could bring others.
    private func asked(_ course: PassageCourse) -> (Resource, AskedRange?) {
        let resource = request.resource
        if course.promise == nil, !course.asksForAll { return (resource, request.range) }
        var fields = resource.fields
        fields[.ifRange] = nil
        return (
            Resource(key: resource.key, url: resource.url, fields: fields),
            course.promise.map { .from(course.position, upTo: $0.end) }
        )
    }

    private func outcome(
        of error: OriginError, since begun: Moment, _ watch: PassageWatch
    ) -> PassageOutcome {
        switch error {
        case .unreachable, .timedOut: .unanswered
        // Something answered, though nothing of use.
        case .badRedirect, .invalid: .answered
        case .badCertificate: .unknown
        case .cancelled:
            // One that had no time to answer is not to blame.
            watch.isOver && services.clock.now.since(begun) >= services.waits.hedge
                ? .unanswered : .unknown
        }
    }

    // MARK: - Answers

    private func take(
        _ response: OriginResponse, _ verdict: Verdict, _ course: inout PassageCourse,
        _ watch: PassageWatch
    ) async -> PassageCourse.Ending {
        if case .retryable(let status, let after) = verdict {
            return .faulty(.init(status: status, retryAfter: after))
        }
        guard let promise = course.promise else {
            if let flaw = services.flaw(of: response, to: request) {
                // One that ignores `If-Range` is asked for what that would have brought.
                course.asksForAll = flaw == .otherVersion
                return .invalid
            }
            if case .partial(let head) = verdict { prove(head, &course) }
            if case .whole(let head) = verdict { prove(head, &course) }
            return await relay(response, to: &course, skipping: 0, upTo: nil, watch)
        }
        switch verdict {
        case .partial(let head), .whole(let head):
            let skipping = course.position - head.body.lowerBound
            guard skipping <= Self.skipLimit, head.body.lowerBound <= course.position,
                course.position < min(head.body.upperBound, promise.end) || course.isDone
            else { return .refused }
            return await relay(
                response, to: &course, skipping: skipping, upTo: head.body.upperBound, watch)
        // A page where media was is no new version, but may pass only when the reader has gone.
        case .changed(.contentType) where course.isHeadSent: return .untrusted
        case .changed(let reason) where reason != .contentType:
            await services.changed(request, reason: "\(reason)")
            return .refused
        // 416 with another length: as for a fetch (`Flight.refusedRange`).
        case .unsatisfiable(let length?) where length != request.record?.grid.completeLength:
            await services.changed(request, reason: "a range is refused")
            return .refused
        case .changed, .unsatisfiable, .rejected, .wholeUnusable: return .refused
        case .redirect, .retryable, .malformed: return .untrusted
        }
    }

    private func prove(_ head: AcceptedHead, _ course: inout PassageCourse) {
        guard head.validator.isStrong else { return }
        course.proves(
            .init(identity: head.identity, end: head.body.upperBound), from: head.body.lowerBound)
    }

    // MARK: - Body

    /// - Parameter end: What the head says of the body: bytes beyond it are of nothing. nil: it says nothing.
    private func relay(
        _ response: OriginResponse, to course: inout PassageCourse, skipping: Int64,
        upTo end: Int64?, _ watch: PassageWatch
    ) async -> PassageCourse.Ending {
        var report = response.report
        let ending = await relay(
            response, to: &course, skipping: skipping, upTo: end, watch, &report)
        switch ending {
        case .satisfied: report.delivered()
        case .complete where course.promise == nil || course.isDone: report.delivered()
        case .complete: report.brokeOff()
        // Its error is told already. One who leaves says nothing of what did not come.
        case .broken, .left, .faulty, .untrusted, .invalid, .hopeless, .refused: break
        }
        return ending
    }

    private func relay(
        _ response: OriginResponse, to course: inout PassageCourse, skipping: Int64,
        upTo end: Int64?, _ watch: PassageWatch, _ report: inout BodyReport
    ) async -> PassageCourse.Ending {
        var toSkip = skipping
        let start = course.position
        // The origin's own head goes out at once, that of known bytes with the first of them: until
        // then there can be another answer.
        let isOwn = request.promise == nil
        if isOwn || course.isDone, !course.isHeadSent {
            if let ending = await sendHead(response, &course, watch) { return ending }
            if course.isDone, !isOwn { return .complete }
        }
        expect(course, watch)
        do {
            for try await var buffer in response.body {
                watch.rest()
                let received = buffer.readableBytes
                let skipped = min(toSkip, Int64(received))
                buffer.moveReaderIndex(forwardBy: Int(skipped))
                toSkip -= skipped
                if buffer.readableBytes > 0 {
                    if course.isDone { return .complete }
                    if !course.isHeadSent {
                        if let ending = await sendHead(response, &course, watch) { return ending }
                    }
                    guard await handOn(&buffer, upTo: end, &course) else { return .left }
                    // More than was promised, or than its own head says: of nothing.
                    if buffer.readableBytes > 0 { return .complete }
                    report.brought(course.position - start)
                }
                await makeWay(after: received, &course)
                expect(course, watch)
            }
        } catch {
            if watch.isOver {
                report.brokeOff()
            } else if !Task.isCancelled {
                report.brokeOff(error)
            }
            return .broken
        }
        return .complete
    }

    /// - Returns: How the request ends with it, if it does.
    private func sendHead(
        _ response: OriginResponse, _ course: inout PassageCourse, _ watch: PassageWatch
    ) async -> PassageCourse.Ending? {
        watch.rest()
        do {
            let answer = Bypass.Answer(status: response.status, fields: response.fields)
            let isBodyWanted = try await receiver.head(answer)
            course.sentHead(now: services.clock.now)
            return isBodyWanted ? nil : .satisfied
        } catch {
            return .left
        }
    }

    /// - Returns: Whether there is somebody to take the next bytes.
    private func handOn(
        _ buffer: inout ByteBuffer, upTo end: Int64?, _ course: inout PassageCourse
    ) async -> Bool {
        let most = min(course.promise?.end ?? .max, end ?? .max) - course.position
        let length = Int(min(Int64(buffer.readableBytes), most))
        guard let slice = buffer.readSlice(length: length) else { return false }
        do {
            try await receiver.bytes(slice)
            course.handedOn(Int64(length), now: services.clock.now)
            return true
        } catch {
            return false
        }
    }

    /// Pauses as the bandwidth limit demands.
    private func makeWay(after bytes: Int, _ course: inout PassageCourse) async {
        let pause = services.bandwidth.take(bytes, isBackground: false)
        guard pause > .zero else { return }
        let begun = services.clock.now
        await services.timers.sleep(until: begun.advanced(by: pause))
        course.paused(services.clock.now.since(begun))
    }

    /// The next step of the origin is waited for.
    private func expect(_ course: PassageCourse, _ watch: PassageWatch) {
        let mayGoOn = course.isHeadSent && course.promise != nil
        let stalled = services.clock.now.advanced(by: Self.stall)
        watch.expect(by: mayGoOn ? min(stalled, course.givesUpAt) : course.givesUpAt)
    }
}

extension PassageOutcome {
    /// What an answer says of its origin.
    init(_ verdict: Verdict) {
        guard case .retryable(let status, let after) = verdict else {
            self = .answered
            return
        }
        let pause = after.map { Duration.seconds($0) }
        self = ResponseCheck.isThrottling(status) ? .throttled(after: pause) : .faulty(after: pause)
    }
}

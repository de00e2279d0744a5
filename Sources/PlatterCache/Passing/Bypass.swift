package import HTTPTypes
package import Logging
import NIOConcurrencyHelpers
package import NIOCore
package import PlatterCore
package import PlatterHTTP
package import PlatterOrigin
package import PlatterStore

/// The way past the store: bytes from the origin to one reader, kept nowhere. For what must not be
/// stored, and for when the store cannot help (REQUIREMENTS F5). It keeps the manners of fetches: the
/// bandwidth limit, slots, the pauses of origins that fail, and further tries.
package struct Bypass: Sendable {
    /// The head of an origin's answer.
    package struct Answer: Hashable, Sendable {
        package let status: Int
        package let fields: HTTPFields
    }

    /// What a reader wants.
    package struct Request: Sendable {
        package let resource: Resource
        let range: AskedRange?
        /// Only the head is wanted.
        let isHead: Bool
        /// nil: the origin's own answer is wanted.
        let promise: PassageCourse.Promise?
        /// The entry that `promise` is of. Not its file: that may have to go before a long response ends.
        let record: EntryRecord?
        let start: Int64
        let isHeadSent: Bool
        /// It is sent once: there is something to say without an answer.
        var isQuestion = false
        let deadline: Moment

        /// - Parameters:
        ///   - range: What the client asked for, where that was one range.
        ///   - isHead: Only the head is wanted.
        ///   - deadline: Without an answer by then there is none.
        package static func answer(
            of resource: Resource, range: AskedRange?, isHead: Bool = false, deadline: Moment
        ) -> Request {
            Request(
                resource: resource, range: range, isHead: isHead, promise: nil, record: nil,
                start: 0, isHeadSent: false, deadline: deadline)
        }

        /// What there is of an object at a position, if anything. The head of the answer says it, so that only
        /// one byte is asked for.
        package static func question(
            of resource: Resource, at position: Int64, deadline: Moment
        ) -> Request {
            let byte = AskedRange.from(position, upTo: position.addingClamped(1))
            var request = answer(of: resource, range: byte, deadline: deadline)
            request.isQuestion = true
            return request
        }

        /// Bytes of a version that is known: from the very byte, and of no other version.
        ///
        /// - Parameters:
        ///   - isHeadSent: Only bytes are wanted.
        ///   - deadline: For the first byte. An origin without ranges has to send all that comes before
        ///     it by then.
        package static func bytes(
            _ range: ByteRange, of opened: Entry.Opened, resource: Resource, isHeadSent: Bool,
            deadline: Moment
        ) -> Request {
            Request(
                resource: resource, range: nil, isHead: false,
                promise: .init(identity: opened.identity, end: range.upperBound),
                record: opened.record, start: range.lowerBound, isHeadSent: isHeadSent,
                deadline: deadline)
        }
    }

    /// Who gets it. What these throw ends the passage.
    package struct Receiver: Sendable {
        /// Called once, unless the head was sent before, and before any bytes.
        ///
        /// - Returns: Whether the body is wanted.
        let head: @Sendable (Answer) async throws -> Bool
        /// Returns when the reader has taken them.
        let bytes: @Sendable (ByteBuffer) async throws -> Void

        package init(
            head: @escaping @Sendable (Answer) async throws -> Bool,
            bytes: @escaping @Sendable (ByteBuffer) async throws -> Void
        ) {
            self.head = head
            self.bytes = bytes
        }
    }

    package enum Ending: Hashable, Sendable {
        /// All that the head promises was handed on.
        case complete
        /// Something is missing and will not come.
        case short
        /// Nothing was handed on, and no answer came.
        case unavailable
        /// Nothing was handed on, and nobody was asked: as many others go past the store as may.
        case crowded
        /// Nothing was handed on; the last answer was this, `retryAfter` in seconds.
        case failed(status: Int, retryAfter: Int64?)
        /// Nothing was handed on; the certificate of the origin is not trusted.
        case badCertificate
        /// Nothing was handed on; what the origin answers cannot be used.
        case invalid
        /// Nothing was handed on; the origin does not give these bytes of this version.
        case refused
    }

    let origin: any Origin
    let queue: FetchDispatcher
    let gate: PassageGate
    let bandwidth: BandwidthGate
    let limits: FetchLimits
    let waits: WaitDeadlines.Settings
    let clock: any MonotonicClock
    let wallClock: @Sendable () -> Int64
    let timers: PassageTimers
    private let succession: Succession?
    private let flawNews = NIOLockedValueBox(FlawNews())
    private let crowds = NIOLockedValueBox(Reminder())
    private let log: Logger

    /// - Parameters:
    ///   - queue: Knows how origins are.
    ///   - wallClock: Seconds since 1970.
    ///   - loop: For timers.
    ///   - succession: Told when an entry's version is not what the origin has.
    package init(
        origin: any Origin, queue: FetchDispatcher, gate: PassageGate, bandwidth: BandwidthGate,
        limits: FetchLimits = .init(), waits: WaitDeadlines.Settings = .init(),
        clock: any MonotonicClock,
        wallClock: @escaping @Sendable () -> Int64, loop: any EventLoop,
        succession: Succession? = nil, log: Logger
    ) {
        self.origin = origin
        self.queue = queue
        self.gate = gate
        self.bandwidth = bandwidth
        self.limits = limits
        self.waits = waits
        self.clock = clock
        self.wallClock = wallClock
        timers = PassageTimers(clock: clock, loop: loop)
        self.succession = succession
        self.log = log
    }

    /// The origin has another version than the one that is asked for. Without a word of it the store would
    /// offer the old one, and break off where it ends, for as long as nothing can be stored.
    func changed(_ request: Request, reason: String) async {
        guard let record = request.record else { return }
        await changed(record, of: request.resource, reason: reason)
    }

    /// The origin has another version of a resource than this one.
    ///
    /// - Parameter reason: By what they differ.
    package func changed(_ record: EntryRecord, of resource: Resource, reason: String) async {
        guard let succession else { return }
        succession.note(resource, reason: reason)
        await succession.end(record.id, key: resource.key)
    }

    /// Hands on what is asked for. All that it holds is let go when its task is cancelled.
    package func pass(_ request: Request, to receiver: Receiver) async -> Ending {
        let slot = await timers.run(
            limitedBy: { await timers.sleep(until: request.deadline) },
            body: { await gate.enter(request.resource.origin) })
        guard let slot else {
            if !Task.isCancelled { tellOfCrowd(at: request.resource.origin) }
            return request.isHeadSent ? .short : .crowded
        }
        defer { gate.leave(slot) }
        var course = PassageCourse(
            promise: request.promise, position: request.start, isHeadSent: request.isHeadSent,
            deadline: request.deadline, limits: limits, waits: waits)
        while true {
            let leg = PassageLeg(request: request, services: self, receiver: receiver)
            let ending = await leg.run(&course)
            if Task.isCancelled { return .short }
            switch course.ended(ending, now: clock.now, jitter: queue.jitter()) {
            case .ask where request.isQuestion: return .unavailable
            case .ask(let moment):
                if course.isHeadSent { note("A passage goes on", request, course.position) }
                await timers.sleep(until: moment)
            case .end(let ending): return ending
            }
        }
    }

    /// Why an answer to the reader's own request is none to what was asked; people are told, once of each object and
    /// reason in a while. A HEAD is not asked as one.
    func flaw(
        of response: OriginResponse, to request: Request
    ) -> Verdict.MalformedReason? {
        if request.isHead { return nil }
        let flaw = ResponseCheck.flaw(
            ofPassed: response.status, fields: response.fields, asked: request.range,
            ifRange: request.resource.fields[.ifRange])
        guard let flaw else { return nil }
        let (key, now) = (request.resource.key, clock.now)
        if flawNews.withLockedValue({ $0.isNews(flaw, of: key, now: now) }) {
            log.warning(
                "The origin's answer cannot be trusted",
                metadata: ["url": "\(request.resource.url.redacted)", "reason": "\(flaw)"])
        }
        return flaw
    }

    private func tellOfCrowd(at origin: OriginID) {
        guard crowds.withLockedValue({ $0.isDue(now: clock.now) }) else { return }
        let running = gate.counts.running
        log.warning(
            "More responses would go past the store than may at once; some are refused with 503",
            metadata: ["origin": "\(origin.authority)", "running": "\(running)"])
    }

    private func note(_ message: Logger.Message, _ request: Request, _ position: Int64) {
        log.info(
            message,
            metadata: ["url": "\(request.resource.url.redacted)", "from": "\(position)"])
    }
}

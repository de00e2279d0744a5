import PlatterCore
import PlatterHTTP

/// What a passage does next when a request of it has ended, as a value without a clock: go on at the
/// next byte, try again after a while, or give up.
///
/// Until the head is sent all that is waited for counts together, and a fault is tried again: players
/// die of a 5xx. After it, what is known to be of one version goes on at the very byte, for as long as
/// some byte comes now and then.
struct PassageCourse: Hashable, Sendable {
    /// The version that the player is promised, and the end of what it gets of it.
    struct Promise: Hashable, Sendable {
        let identity: RepresentationIdentity
        let end: Int64
    }

    /// How a request of the passage ended.
    enum Ending: Hashable, Sendable {
        /// With the body's end, or with all that was wanted.
        case complete
        /// The head was all that was wanted.
        case satisfied
        /// No answer came, or the body broke off or stalled.
        case broken
        /// With an answer that is worth another try.
        case faulty(Fault)
        /// With an answer that cannot be what was asked for; the next one may be.
        case untrusted
        /// With what is no HTTP, or no answer to the reader's own request.
        case invalid
        /// With a failure that another try does not mend; before the head it is the player's.
        case hopeless(Bypass.Ending)
        /// The origin does not give these bytes of this version.
        case refused
        /// The player or the cache has gone.
        case left
    }

    struct Fault: Hashable, Sendable {
        let status: Int
        /// In seconds.
        let retryAfter: Int64?
    }

    enum Action: Hashable, Sendable {
        case ask(at: Moment)
        case end(Bypass.Ending)
    }

    /// So many answers before the head that are none [2]: another one may be right, and the player waits.
    private static let mostInvalid = 2

    private let limits: FetchLimits
    private let waits: WaitDeadlines.Settings
    /// nil: what comes proves no version, and cannot go on after a break.
    private(set) var promise: Promise?
    /// The next byte to hand on; without a promise counted from the first one.
    private(set) var position: Int64
    private(set) var isHeadSent: Bool
    /// The range is of a version that the origin does not have any more.
    var asksForAll = false
    /// Without the head, or a byte more, by then there is no hope.
    private(set) var givesUpAt: Moment
    private var fault: Fault?
    /// Requests in a row that brought nothing, or next to nothing.
    private var failures = 0
    /// Answers in a row that ended early with next to nothing.
    private var scantAnswers = 0
    /// Answers in a row that could not be used.
    private var untrusted = 0
    /// Answers before the head that were none.
    private var invalid = 0
    /// Where the request began.
    private var start: Int64

    /// - Parameters:
    ///   - promise: nil: the origin's own answer is handed on.
    ///   - isHeadSent: `deadline` is for the first byte then.
    init(
        promise: Promise? = nil, position: Int64 = 0, isHeadSent: Bool = false, deadline: Moment,
        limits: FetchLimits = .init(), waits: WaitDeadlines.Settings = .init()
    ) {
        self.promise = promise
        self.position = position
        start = position
        self.isHeadSent = isHeadSent
        givesUpAt = deadline
        self.limits = limits.clamped
        self.waits = waits
    }

    /// When its wait is overdue, which in the middle of a body is some time before it gives up: as of a
    /// reader that is blocked at the next byte since the last one came.
    var deadline: Moment {
        isHeadSent ? givesUpAt.advanced(by: waits.head - waits.body) : givesUpAt
    }

    /// All that was promised was handed on.
    var isDone: Bool { promise.map { position >= $0.end } ?? false }

    // MARK: - Events

    /// The next request is about to be sent.
    mutating func begins() { start = position }

    /// The head was handed on.
    mutating func sentHead(now: Moment) {
        isHeadSent = true
        givesUpAt = now.advanced(by: waits.body)
    }

    /// The origin's own answer turns out to be of a version that can be told from others.
    mutating func proves(_ promise: Promise, from first: Int64) {
        self.promise = promise
        position = first
        start = first
    }

    /// Bytes were handed on, which may have taken its time.
    mutating func handedOn(_ bytes: Int64, now: Moment) {
        untrusted = 0
        position = position.addingClamped(bytes)
        givesUpAt = now.advanced(by: waits.body)
    }

    /// Nothing was taken for so long, because the bandwidth is limited: the origin is not to blame.
    mutating func paused(_ duration: Duration) {
        if isHeadSent { givesUpAt = givesUpAt.advanced(by: duration) }
    }

    /// - Parameter jitter: From 0 to 1.
    mutating func ended(_ ending: Ending, now: Moment, jitter: Double) -> Action {
        if isDone, isHeadSent { return .end(.complete) }
        switch ending {
        case .satisfied: return .end(.complete)
        case .complete where promise == nil: return .end(.complete)
        // A server may send less than it was asked for, if that is not next to nothing again and again.
        case .complete where position > start: if !isScantAgain() { return .ask(at: now) }
        case .invalid where !isHeadSent:
            invalid += 1
            if invalid >= Self.mostInvalid { return .end(.invalid) }
        case .complete, .broken, .invalid: break
        case .untrusted:
            untrusted += 1
            // Another answer may be right, but what goes on like this does not end soon.
            if untrusted >= limits.tries { return .end(isHeadSent ? .short : .refused) }
        case .faulty(let fault): self.fault = fault
        case .hopeless(let ending): return .end(isHeadSent ? .short : ending)
        case .refused: return .end(isHeadSent ? .short : .refused)
        case .left: return .end(.short)
        }
        if isHeadSent, promise == nil { return .end(.short) }
        return again(now: now, jitter: jitter)
    }

    private mutating func isScantAgain() -> Bool {
        let isScant = position - start < limits.scantLength
        scantAnswers = isScant ? min(scantAnswers + 1, 1 << 16) : 0
        return scantAnswers >= limits.scantAnswers
    }

    private mutating func again(now: Moment, jitter: Double) -> Action {
        let brought = position - start
        // One that breaks off on its way is worth asking at once.
        if brought >= limits.alignment {
            (failures, scantAnswers) = (0, 0)
            return .ask(at: now)
        }
        failures =
            brought > 0
            ? max(1, scantAnswers - limits.scantAnswers + 1) : min(failures + 1, 1 << 16)
        let pause = Backoff(limits: limits).pause(
            failures: failures, isWaitedFor: true, jitter: jitter)
        let next = now.advanced(by: pause)
        return next < givesUpAt ? .ask(at: next) : .end(givenUp)
    }

    private var givenUp: Bypass.Ending {
        if isHeadSent { return .short }
        if let fault { return .failed(status: fault.status, retryAfter: fault.retryAfter) }
        return invalid > 0 ? .invalid : .unavailable
    }
}

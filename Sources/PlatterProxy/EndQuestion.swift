import NIOConcurrencyHelpers
import NIOCore
import PlatterCache
import PlatterCore
import PlatterHTTP

/// A question to the origin: whether an object still ends where the index says.
struct EndQuestion {
    enum Answer: Hashable, Sendable {
        /// It does.
        ///
        /// - Parameter status: The origin's.
        case stands(status: Int)
        /// There is nothing at the position, but the end is said to be elsewhere.
        case endsAt(Int64)
        /// There is another version.
        case changed(Verdict.ChangeReason)
        /// The object is refused.
        case refused(status: Int)
        /// It says nothing of the end, or nothing that can be believed.
        case unclear
        /// No answer, or none of the origin itself. nil: `FetchDispatcher.trouble` knows why.
        case none(StatusDetail?)

        /// - Parameters:
        ///   - position: The one that was asked for.
        ///   - identity: What the index knows.
        ///   - receivedAt: Seconds since 1970.
        init(
            _ answer: Bypass.Answer, to position: Int64, knowing identity: RepresentationIdentity,
            receivedAt: Int64
        ) {
            let byte = AskedRange.from(position, upTo: position.addingClamped(1))
            let verdict = ResponseCheck.verdict(
                status: answer.status, fields: answer.fields,
                expectation: FetchExpectation(asked: byte, identity: identity),
                receivedAt: receivedAt)
            switch verdict {
            case .unsatisfiable(nil), .unsatisfiable(identity.completeLength), .whole:
                self = .stands(status: answer.status)
            // One answer of this kind is no proof of another version (`Flight.refusedRange`).
            case .unsatisfiable(let length?): self = length <= position ? .endsAt(length) : .unclear
            // A login page, say.
            case .changed(.contentType), .malformed(.anonymous), .redirect:
                self = .none(.originInvalid)
            case .changed(let reason): self = .changed(reason)
            case .rejected(let status): self = .refused(status: status)
            case .partial, .wholeUnusable, .retryable, .malformed: self = .unclear
            }
        }
    }

    private let task: Task<Void, Never>

    /// Asks at once.
    ///
    /// - Parameters:
    ///   - position: Not before the end that is known.
    ///   - deadline: Without an answer by then there is none.
    ///   - answered: Called on the loop. A version that is not the origin's any more has been taken from the
    ///     front by then.
    init(
        at position: Int64, beyond opened: Entry.Opened, of resource: Resource,
        services: ProxyServices, loop: any EventLoop, deadline: Moment,
        answered: @escaping (Answer) -> Void
    ) {
        let answered = NIOLoopBound(answered, eventLoop: loop)
        task = Task {
            let answer = await Self.answer(
                at: position, beyond: opened, of: resource, services: services,
                deadline: deadline)
            loop.execute { answered.value(answer) }
        }
    }

    func cancel() { task.cancel() }

    private static func answer(
        at position: Int64, beyond opened: Entry.Opened, of resource: Resource,
        services: ProxyServices, deadline: Moment
    ) async -> Answer {
        let heard = NIOLockedValueBox<Answer?>(nil)
        let receiver = Bypass.Receiver { head in
            let answer = Answer(
                head, to: position, knowing: opened.identity, receivedAt: services.wallClock())
            heard.withLockedValue { $0 = answer }
            return false
        } bytes: { _ in
        }
        let ending = await services.bypass.pass(
            .question(of: resource, at: position, deadline: deadline), to: receiver)
        if let answer = heard.withLockedValue({ $0 }) {
            if case .changed(let reason) = answer {
                await services.bypass.changed(opened.record, of: resource, reason: "\(reason)")
            }
            return answer
        }
        switch ending {
        case .badCertificate: return .none(.originCertificate)
        // A redirect to nowhere, or no answer to the question.
        case .failed(status: 502, _), .invalid: return .none(.originInvalid)
        case .crowded: return .none(.crowded)
        case .complete, .short, .unavailable, .failed, .refused: return .none(nil)
        }
    }
}

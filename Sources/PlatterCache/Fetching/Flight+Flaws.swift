import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import PlatterCore
import PlatterHTTP

/// Answers that speak for or against an entry that is open.
extension Flight {
    /// What came is of the version that is open.
    ///
    /// - Parameter isWhole: Though a part of it was asked for.
    func answeredWell(isWhole: Bool) {
        entry.answeredWell(isWhole: isWhole)
        services.table.confirmed(entry.resource.key)
    }

    /// What came cannot be used, but says nothing about the version. When that goes on, readers get what
    /// is on disk, and beyond it what the origin gives by itself.
    func flawed(askedAt: Moment) -> FlightOutcome {
        switch entry.flawed(askedAt: askedAt, now: services.clock.now) {
        case .accident, .repeated: return .untrusted
        case .lasting:
            note("Passed through", "the origin's answers cannot be used any more")
            return .failed(.bypass)
        }
    }

    /// What came is no answer to what was asked, or no HTTP at all. One that is such may be an accident; while
    /// nothing is known of the resource two are what the origin has to say.
    func unusable(askedAt: Moment) -> FlightOutcome {
        guard entry.opened == nil else { return flawed(askedAt: askedAt) }
        let isAgain = entry.isFlawedAgain(askedAt: askedAt, now: services.clock.now)
        return isAgain ? .failed(.status(502)) : .untrusted
    }

    /// Why nothing more of an entry may be kept, nor what is kept of it given to others: the origin has said so of an
    /// answer of the same version.
    static func reasonToEnd(_ verdict: Verdict, _ fields: HTTPFields) -> String? {
        guard verdict.isOfVersion,
            case .bypass(let reason) = Storability.decide(
                requestHasAuthorization: false, fields: fields), reason.isOfOrigin
        else { return nil }
        return reason.description
    }

    /// The entry is closed for new readers, and what the resource is now goes past the store. It counts as a version
    /// that has ended, so that its bytes are found again when it may be kept again, and nobody keeps it in turns.
    func ends(_ reason: String) async -> FlightOutcome {
        services.table.superseded(entry.resource.key)
        let outcome = bypass(reason)
        _ = await supersede()
        return outcome
    }

    /// Says why an answer is of no use, once of each object and reason in a while. One in a content coding is
    /// good, only nothing to keep.
    func tell(_ reason: Verdict.MalformedReason) {
        if reason == .contentCoded {
            return note("The origin's answer is not kept", "\(reason)")
        }
        let (key, now) = (entry.resource.key, services.clock.now)
        guard services.flawNews.withLockedValue({ $0.isNews(reason, of: key, now: now) }) else {
            return
        }
        services.log.warning(
            "The origin's answer cannot be trusted",
            metadata: ["url": "\(entry.resource.url.redacted)", "reason": "\(reason)"])
    }

    /// 416 for a range that the entry has. It may be an accident, or one of several mirrors that has only a
    /// part of it: not all is thrown away for one answer, and the versions are counted as those of other
    /// answers are.
    ///
    /// - Parameter length: As the origin states it.
    func refusedRange(
        length: Int64?, of opened: Entry.Opened, askedAt: Moment
    ) async -> FlightOutcome {
        switch length {
        case opened.completeLength:
            note("The origin refuses a range that it has", "416 with the length of the entry")
            return flawed(askedAt: askedAt)
        case _ where entry.flawed(askedAt: askedAt, now: services.clock.now) == .accident:
            note("The origin refuses a range that it has", "416 with another length, or with none")
            return .untrusted
        default:
            services.succession.note(entry.resource, reason: "a range is refused")
            return .failed(await supersede())
        }
    }
}

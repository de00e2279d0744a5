import Logging
import PlatterCore
import PlatterHTTP

/// Answers that speak for or against an entry that is open.
extension Flight {
    /// What came is of the version that is open.
    func answeredWell() {
        entry.answeredWell()
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

    /// 416 for a range that the entry has. One of several mirrors may have a part of it only, so that the
    /// versions are counted as those of other answers are.
    ///
    /// - Parameter length: As the origin states it.
    func refusedRange(
        length: Int64?, of opened: Entry.Opened, askedAt: Moment
    ) async -> FlightOutcome {
        switch length {
        case opened.completeLength:
            note("The origin refuses a range that it has", "416 with the length of the entry")
            return flawed(askedAt: askedAt)
        case nil where entry.flawed(askedAt: askedAt, now: services.clock.now) == .accident:
            note("The origin refuses a range that it has", "416 without a length")
            return .untrusted
        default:
            services.succession.note(entry.resource, reason: "a range is refused")
            return .failed(await supersede())
        }
    }
}

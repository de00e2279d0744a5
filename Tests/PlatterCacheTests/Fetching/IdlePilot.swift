import PlatterCore

@testable import PlatterCache

/// Carries nothing out: a test says itself what becomes of what was ordered.
struct IdlePilot: Pilot {
    func begin(
        _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
        queue: FetchDispatcher
    ) {}

    func fly(
        _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
        queue: FetchDispatcher
    ) {}
}

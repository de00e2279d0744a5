import PlatterCore

/// What the shell asks about.
extension FetchScheduler {
    /// Whether anybody is interested in the entry, or something still flies for it.
    package func knows(_ entry: EntryHandle) -> Bool { entries[entry] != nil }

    /// The entry that a flight is for, nil for an unknown flight.
    package func entry(of flight: FlightID) -> EntryHandle? { flights[flight]?.entry }
}

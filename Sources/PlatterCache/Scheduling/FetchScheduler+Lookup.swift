import PlatterCore

/// What the shell asks about.
extension FetchScheduler {
    /// Whether anybody is interested in the entry, or something still flies for it.
    package func knows(_ entry: EntryHandle) -> Bool { entries[entry] != nil }

    /// The byte after the last one that a flight is to bring, nil for an unknown flight.
    package func end(of flight: FlightID) -> Int64? { flights[flight]?.range.upperBound }

    /// The entry that a flight is for, nil for an unknown flight.
    package func entry(of flight: FlightID) -> EntryHandle? { flights[flight]?.entry }

    /// Whether the whole in answer to a flight is an accident: another flight of the entry is being
    /// brought by range.
    package func doubtsWhole(_ id: FlightID) -> Bool {
        guard let flight = flights[id], let state = entries[flight.entry] else { return false }
        return state.flights.contains { other in
            other != id && flights[other].map(provesRanges) ?? false
        }
    }

    func provesRanges(_ flight: FlightState) -> Bool {
        flight.phase == .flying && flight.isRunning && !flight.isWhole
            && flight.mark > flight.range.lowerBound
    }

    /// Whether no reader wants what is left of a flight, now.
    package func isBackground(_ flight: FlightID) -> Bool {
        flights[flight].map { priority(of: $0) < .high } ?? true
    }
}

package import PlatterCore

/// Starts flights as tasks on the threads that may block.
package struct FetchPilot: Pilot {
    private let services: FetchServices

    package init(services: FetchServices) { self.services = services }

    package func begin(
        _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
        queue: FetchDispatcher
    ) {
        let flight = Flight(
            id: order.flight, entry: entry, control: control, queue: queue, services: services)
        control.attach(
            Task(executorPreference: services.executor) {
                if opens { await flight.open(order) } else { await flight.plan(order) }
            })
    }

    package func fly(
        _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
        queue: FetchDispatcher
    ) {
        let flight = Flight(
            id: id, entry: entry, control: control, queue: queue, services: services)
        control.attach(Task(executorPreference: services.executor) { await flight.fly(range) })
    }
}

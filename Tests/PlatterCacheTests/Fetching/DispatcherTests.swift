import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterHTTP
import Testing

@testable import PlatterCache

@Suite("The end of a dispatcher")
struct DispatcherTests {
    private struct NoPilot: Pilot {
        func begin(
            _ order: FlightOrder, entry: Entry, control: FlightControl, opens: Bool,
            queue: FetchDispatcher
        ) { Issue.record("nothing begins after the end") }

        func fly(
            _ id: FlightID, _ range: ByteRange, entry: Entry, control: FlightControl,
            queue: FetchDispatcher
        ) { Issue.record("nothing begins after the end") }
    }

    @Test("who registers at the very moment is told of it")
    func race() throws {
        let (clock, loop) = (TrapClock(), HandClock(now: .start))
        let queue = FetchDispatcher(
            limits: .init(), clock: clock, loop: loop, pilot: NoPilot(), jitter: { 0 })
        let resource = Resource(try OriginURL("http://a.example/film"), fields: [:])
        let entry = Entry(handle: EntryHandle(1), resource: resource)
        var demand = Demand(
            entry: entry.handle, origin: resource.origin, client: ClientID("1"), range: 0..<1,
            level: .high, stride: 1)
        demand.isWaiting = true
        let drained = loop.makePromise(of: Void.self)
        clock.set { queue.end(drained) }
        let told = NIOLockedValueBox<[Wakeup]>([])
        queue.register(queue.nextDemand(), demand, of: entry) { wakeup in
            told.withLockedValue { $0.append(wakeup) }
        }
        #expect(told.withLockedValue { $0 } == [.failed(.stopped)])
        #expect(queue.activity.demands == 0)
    }
}

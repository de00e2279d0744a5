package import PlatterCore
import PlatterStore

/// Background fill: what is really being played is fetched to its end at low priority, once for each
/// entry, however many read it (REQUIREMENTS B6).
package final class Filler: Sendable {
    private static let client = ClientID("fill")
    /// One request of a fill [2 MiB]: small, because it makes way for whoever waits.
    private static let stride: Int64 = 2 << 20
    /// One that failed begins again after so long, if the entry is still being played [30 s]: each has
    /// some tries of its own.
    static let pause = Duration.seconds(30)

    private let queue: FetchDispatcher
    private let clock: any MonotonicClock

    package init(queue: FetchDispatcher, clock: any MonotonicClock) {
        self.queue = queue
        self.clock = clock
    }

    /// Starts to fill, unless this is being done, was done, or failed just now.
    package func fill(_ entry: Entry, _ opened: Entry.Opened) {
        guard entry.beginsFill(now: clock.now) else { return }
        let demand = Demand(
            entry: entry.handle, origin: entry.resource.origin, client: Self.client,
            range: 0..<opened.completeLength, level: .low, stride: Self.stride)
        queue.register(queue.nextDemand(), demand, of: entry) { [clock] wakeup in
            switch wakeup {
            // What is evicted later is fetched again when it is played.
            case .look, .complete: break
            case .failed: entry.fillFailed(until: clock.now.advanced(by: Self.pause))
            }
        }
    }
}

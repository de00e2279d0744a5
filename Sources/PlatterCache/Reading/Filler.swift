import NIOConcurrencyHelpers
import PlatterCore
import PlatterStore

/// Background fill: what is really being played is fetched to its end at low priority, once for each
/// entry, however many read it (REQUIREMENTS B6).
package final class Filler: Sendable {
    private static let client = ClientID("fill")
    /// One request of a fill [2 MiB]: small, because it makes way for whoever waits.
    private static let stride: Int64 = 2 << 20

    private let queue: FetchDispatcher
    private let filling = NIOLockedValueBox<Set<EntryHandle>>([])

    package init(queue: FetchDispatcher) { self.queue = queue }

    /// Starts to fill, unless this is being done or was done.
    package func fill(_ entry: Entry, _ opened: Entry.Opened) {
        guard filling.withLockedValue({ $0.insert(entry.handle).inserted }) else { return }
        let demand = Demand(
            entry: entry.handle, origin: entry.resource.origin, client: Self.client,
            range: 0..<opened.completeLength, level: .low, stride: Self.stride)
        queue.register(queue.nextDemand(), demand, of: entry) { wakeup in
            switch wakeup {
            case .look: break
            // What is evicted later is fetched again when it is played.
            case .complete, .failed: break
            }
        }
    }
}

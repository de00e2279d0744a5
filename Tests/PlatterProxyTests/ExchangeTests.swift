import NIOEmbedded
import PlatterCore
import Testing

@testable import PlatterCache
@testable import PlatterProxy

@Suite("Wake-ups of an opening that is over")
struct ExchangeTests {
    /// An opening is told to look, finds nothing in the index, and the exchange begins anew; but before
    /// the event loop has turned that opening was told of a failure as well.
    @Test(
        "a failure that comes late is not the next opening's",
        arguments: [FetchFailure.status(500), .changed, .unreachable])
    func late(failure: FetchFailure) throws {
        let hall = try Hall()
        hall.exchange.begin()
        let (order, entry) = try #require(hall.notes.all.first)
        #expect(hall.queue.activity.demands == 1)
        hall.queue.opened(
            order.flight, body: 0..<1_000_000, completeLength: 1_000_000, lacksRanges: false)
        hall.queue.abandon(entry, failure: failure)
        #expect(hall.queue.activity.demands == 0)
        hall.loop.run()
        #expect(try hall.status() == nil)
        #expect(hall.queue.activity.demands == 1)
        // It waits, and is told what is meant for it.
        hall.queue.abandon(entry, failure: .status(404))
        hall.loop.run()
        #expect(try hall.status() == 404)
    }
}

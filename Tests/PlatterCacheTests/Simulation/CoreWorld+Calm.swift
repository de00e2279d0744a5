import PlatterCore
import PlatterHTTP

@testable import PlatterCache

/// The end of a world: no more faults, everybody gets what was promised, nothing is left behind.
extension CoreWorld {
    /// Nobody may wait for longer than this once all is well again.
    private static let longestWait = Duration.seconds(120)

    func calmDown() {
        isCalm = true
        mend()
        finish("once all is well")
        // A store that refused bytes is tried again.
        pass(.seconds(15))
        audience()
        closeDown()
        life.die()
        checkLeftovers()
    }

    /// Everybody plays on and leaves satisfied.
    private func finish(_ when: String) {
        for player in players { player.isStalled = false }
        let end = life.clock.now.advanced(by: Self.longestWait)
        while flaw == nil {
            settle()
            players.removeAll { $0.isOver }
            if players.isEmpty { return }
            if move() { continue }
            guard life.clock.now < end else {
                return fault("player \(players[0].number) waits for ever, \(when)")
            }
            pass(nextDue)
        }
    }

    /// - Returns: Whether an origin or a player had something to do.
    private func move() -> Bool {
        let calls = life.origin.calls.filter(\.isAwaited)
        for call in calls { answer(call) }
        let taking = players.filter { $0.slice != nil }
        for player in taking { player.takeSome(&random) }
        check()
        return !calls.isEmpty || !taking.isEmpty
    }

    /// How long nothing happens.
    private var nextDue: Duration {
        let due = ([life.clock.due] + players.map(\.due)).compactMap { $0 }.min()
        return max(.milliseconds(1), due.map { $0.since(life.clock.now) } ?? .seconds(1))
    }

    /// One last player for each film gets all of it. What is on disk may be of a version of before: who
    /// is the first to find out is cut off, and so are others for as long as the store takes nothing,
    /// which is tried again every ten seconds at the latest.
    private func audience() {
        for film in films.indices where flaw == nil {
            var ending: Player.Ending?
            for _ in 0..<3 where flaw == nil && ending != .complete {
                if ending != nil { pass(.seconds(15)) }
                ending = plays(film)
            }
            if flaw == nil, ending != .complete {
                fault("the last player of film \(film) ended with \(ending as Any)")
            }
        }
    }

    private func plays(_ film: Int) -> Player.Ending? {
        visit(film, .from(0, upTo: nil), client: "last")
        let player = players[0]
        finish("the last one of film \(film)")
        if case .ended(let ending) = player.phase { return ending }
        return nil
    }

    private func closeDown() {
        guard flaw == nil else { return }
        settleFlights()
        let activity = life.queue.activity
        if activity.demands > 0 || activity.flights > 0 || activity.waiting > 0 {
            return fault("left behind: \(activity)")
        }
        let passages = life.passages.counts
        if passages != (0, 0) { return fault("slots are left behind: \(passages)") }
        life.sweepNow()
        settle()
        // The evictor's rest, and the question whether the last bytes are on the disk: until then their
        // files stay open.
        pass(Settler.pause + .seconds(2))
        settle()
        checkStore()
    }

    /// Background work goes on until it is done.
    private func settleFlights() {
        let end = life.clock.now.advanced(by: .seconds(600))
        while flaw == nil, life.clock.now < end {
            settle()
            if life.queue.activity.demands == 0, life.queue.activity.flights == 0 { return }
            if !move() { pass(nextDue) }
        }
    }
}

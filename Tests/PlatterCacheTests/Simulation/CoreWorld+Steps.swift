import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin

@testable import PlatterCache

/// What happens, one thing after the other.
extension CoreWorld {
    /// One event from outside, and some of what follows from it.
    func step() {
        events += 1
        happen()
        for _ in 0..<random.below(10) where flaw == nil { turn() }
        check()
    }

    private func happen() {
        switch random.below(100) {
        case 0..<14: visit()
        case 14..<40: play()
        case 40..<66: answer()
        case 66..<72: leaveOrStall()
        case 72..<86: passTime()
        default: trouble()
        }
    }

    /// One thing of what is to be done inside: a job, a commit, a wake-up.
    func turn() {
        let jobs = life.executor.count
        let pick = Int(random.below(Int64(jobs + mailbox.count + 1)))
        if pick < jobs {
            runJob()
        } else if pick < jobs + mailbox.count {
            deliver()
        } else {
            life.turn()
        }
    }

    private func runJob() {
        life.runJob { Int(random.below(Int64($0))) }
        noteCalls()
    }

    private func deliver() {
        guard let letter = mailbox.take({ Int(random.below(Int64($0))) }) else { return }
        players.first { $0.number == letter.player }?.receive(letter)
    }

    /// Does all that can be done without time passing and without the origins.
    func settle() {
        for _ in 0..<100_000 where flaw == nil {
            if life.executor.count > 0 {
                runJob()
            } else if mailbox.count > 0 {
                deliver()
            } else {
                life.turn()
                life.awaitRecovery()
                let isQuiet = life.executor.count == 0 && mailbox.count == 0
                if isQuiet, !life.clock.fire() { return }
            }
        }
        if flaw == nil { fault("it never comes to rest, \(life.queue.activity)") }
    }

    // MARK: - Players

    func visit() {
        guard players.count < 8, !films.isEmpty else { return }
        let film = Int(random.below(Int64(films.count)))
        let length = films[film].version.length
        let start = random.once(in: 3) ? 0 : random.below(length + (random.once(in: 9) ? 9 : 0))
        let asked: AskedRange =
            switch random.below(6) {
            case 0: .suffix(1 + random.below(length))
            case 1: .from(start, upTo: start + 1 + random.below(length))
            default: .from(start, upTo: nil)
            }
        visit(film, asked, client: "c\(random.below(3))")
    }

    func visit(_ film: Int, _ asked: AskedRange, client: String) {
        let player = Player(
            number: nextPlayer, film: film, client: ClientID(client), asked: asked, world: self)
        nextPlayer += 1
        players.append(player)
        note("player \(player.number) of \(client) asks film \(film) for \(asked)")
        player.begin()
    }

    func play() {
        for _ in 0..<(1 + random.below(4)) {
            guard let player = random.pick(players), !player.isStalled else { continue }
            player.takeSome(&random)
        }
        players.removeAll { $0.isOver }
    }

    private func leaveOrStall() {
        guard let player = random.pick(players) else { return }
        if random.once(in: 2) { player.end(.left) } else { player.isStalled.toggle() }
        players.removeAll { $0.isOver }
    }

    // MARK: - Time

    func passTime() {
        var duration = Duration.milliseconds(random.below(400))
        if random.once(in: 4) { duration = .milliseconds(random.below(12_000)) }
        if random.once(in: 60) { duration = .seconds(random.below(100_000)) }
        if random.once(in: 12) {
            // The clock on the wall is set, by years.
            let years = (random.below(9) - 4) * 31_536_000
            wall.withLockedValue { $0 = max(0, $0 + years + random.below(100_000)) }
        }
        pass(duration)
    }

    func pass(_ duration: Duration) {
        life.clock.advance(to: life.clock.now.advanced(by: duration))
        wall.withLockedValue { $0 += Int64(duration.inSeconds) }
        while flaw == nil, life.clock.fire() {}
        for player in players { player.tick() }
        players.removeAll { $0.isOver }
    }

    // MARK: - Origins

    /// An origin answers, or sends some of a body.
    func answer() {
        for _ in 0..<(1 + random.below(4)) {
            let waiting = life.origin.calls.filter(\.isAwaited)
            guard let call = random.pick(waiting) else { return }
            answer(call)
        }
    }

    func answer(_ call: Call) {
        guard call.isAnswered else { return head(call) }
        guard var body = call.body.withLockedValue({ $0 }) else { return }
        guard !body.rest.isEmpty else {
            note("call \(call.number) \(body.breaks ? "breaks off" : "ends")")
            return call.deliver(body.breaks ? .failure(OriginError.unreachable) : .success(nil))
        }
        let length = min(
            body.rest.length,
            isCalm ? 256 << 10 : 1 + random.below(random.once(in: 3) ? 4096 : 300_000))
        var buffer = ByteBuffer()
        let piece = body.rest.lowerBound..<body.rest.lowerBound + length
        Ramp.forEachPiece(of: piece, shift: body.version?.number ?? 0) { buffer.writeBytes($0) }
        body.rest = piece.upperBound..<body.rest.upperBound
        call.body.withLockedValue { [body] in $0 = body }
        sent += length
        call.deliver(.success(buffer))
    }

    private func head(_ call: Call) {
        guard let film = films.first(where: { $0.url == call.request.url }) else { return }
        if !isCalm, woes.contains(.origins), random.once(in: 4) { return misbehave(call, film) }
        good(call, film)
    }
}

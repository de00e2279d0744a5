import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterStore

@testable import PlatterCache

/// One request of a player, served as the proxy does it: from the index, with a demand where bytes are
/// missing, past the store where that cannot help.
final class Player {
    enum Ending: Hashable {
        case complete, short, unavailable, left
        case status(Int)
    }

    enum Phase {
        case starting
        case opening
        case reading(Reader)
        case passing(Task<Void, Never>)
        case ended(Ending)
    }

    /// Bytes that are on their way to the player: copied at once, or to be read from the file by the
    /// socket.
    struct Slice {
        var range: ByteRange
        let copy: [UInt8]?
        let start: Int64
        /// Somebody else changed the file while the socket read it.
        var isExcused = false
        /// Of its file, when it was made. What leaves memory while the socket takes it is read from a disk
        /// that may have lost it.
        let drops: Int
    }

    let number: Int
    let film: Int
    let client: ClientID
    let asked: AskedRange
    unowned let world: CoreWorld
    let life: Life
    let begun: Moment
    var phase = Phase.starting
    var restarts = 0
    /// Wake-ups of an earlier one come too late.
    var round = 0
    var demand: DemandID?
    var promise: Promise?
    var isHeadSent = false
    var slice: Slice?
    /// Up to here bytes that could not be read have been fetched again.
    var mendedEnd: Int64 = 0
    /// It takes nothing for now.
    var isStalled = false
    var patience: WaitDeadlines?

    init(number: Int, film: Int, client: ClientID, asked: AskedRange, world: CoreWorld) {
        self.number = number
        self.film = film
        self.client = client
        self.asked = asked
        self.world = world
        life = world.life
        begun = world.life.clock.now
    }

    var resource: Resource { Resource(world.films[film].url, fields: [:]) }

    var isOver: Bool { if case .ended = phase { true } else { false } }

    func note(_ text: @autoclosure () -> String) { world.note("player \(number): \(text())") }

    func fault(_ text: String) { world.fault("player \(number): \(text)") }

    func end(_ ending: Ending) {
        if isOver { return }
        switch phase {
        case .reading(let reader): reader.close()
        case .opening: if let demand { life.readers.queue.leave(demand) }
        case .passing(let task): task.cancel()
        case .starting, .ended: break
        }
        note("ends, \(ending)")
        patience = nil
        slice = nil
        if ending == .complete, promise?.isKept == false { fault("complete without its bytes") }
        phase = .ended(ending)
    }

    /// The program has ended; nobody is told.
    func vanish() {
        if case .passing(let task) = phase { task.cancel() }
        patience = nil
        slice = nil
        phase = .ended(.left)
    }

    /// Somebody changes a file: what the socket is just taking from it nobody can save.
    func excuse(_ node: MemoryNode) {
        guard case .reading(let reader) = phase, slice?.copy == nil else { return }
        if (reader.opened.file as? MemoryFile)?.node === node { slice?.isExcused = true }
    }

    // MARK: - Opening

    func begin() {
        phase = .starting
        if life.damage.isSuspect { return pass() }
        if life.table.isBypassed(resource.key, now: life.clock.now) { return pass() }
        do {
            switch try life.table.find(resource, ask: life.reader.entry(for:)) {
            case .recorded(let record): answer(record, isNew: false)
            case .unopened(let entry): open(entry)
            }
        } catch {
            pass()
        }
    }

    private func open(_ entry: Entry) {
        phase = .opening
        round += 1
        let queue = life.readers.queue
        let id = queue.nextDemand()
        demand = id
        patience = WaitDeadlines(settings: life.readers.waits, isHeadSent: false, since: begun)
        queue.register(id, wanted(of: entry), of: entry, wake: wake())
        queue.clientMovedOn(client, of: entry, newest: id)
    }

    private func wanted(of entry: Entry) -> Demand {
        var length = life.readers.readAhead.firstRequest
        var first: Int64 = 0
        var suffix: Int64?
        switch asked {
        case .from(let start, let end):
            first = start
            if let end { length = min(length, max(1, end - start)) }
        case .suffix(let count): suffix = min(count, length)
        }
        var wanted = Demand(
            entry: entry.handle, origin: resource.origin, client: client,
            range: .starting(at: first, length: length), level: .high, stride: length,
            suffix: suffix)
        wanted.isWaiting = true
        wanted.deadline = begun.advanced(by: life.readers.waits.head)
        return wanted
    }

    private func openingWoke(_ wakeup: Wakeup) {
        patience = nil
        if case .failed(let failure) = wakeup { return openingFailed(failure) }
        do {
            guard let record = try life.reader.entry(for: resource.key) else {
                leave()
                return restart()
            }
            answer(record, isNew: true)
        } catch {
            leave()
            pass()
        }
    }

    private func leave() {
        if let demand { life.readers.queue.leave(demand) }
        demand = nil
    }

    private func openingFailed(_ failure: FetchFailure) {
        demand = nil
        switch failure {
        case .status(let status): end(.status(status))
        case .unsatisfiable(let length?) where asked.resolve(length) != nil: restart()
        case .unsatisfiable: end(.status(416))
        case .changed: restart()
        case .bypass, .store: pass()
        case .unreachable, .badCertificate, .stopped: end(.unavailable)
        }
    }

    private func restart() {
        guard restarts < 2 else { return pass() }
        restarts += 1
        round += 1
        begin()
    }

    private func answer(_ record: EntryRecord, isNew: Bool) {
        let entry: Entry
        do throws(DiskError) {
            entry = try life.table.entry(of: record, resource: resource)
        } catch {
            leave()
            guard error.code.isForGood else { return pass() }
            phase = .starting
            life.evictor.giveUp(record, completion: noted())
            return
        }
        guard let opened = entry.opened else {
            leave()
            return open(entry)
        }
        guard let version = world.films[film].version(like: opened.record.representation) else {
            return fault("an entry of no version: \(opened.record.representation)")
        }
        guard let range = asked.resolve(opened.completeLength) else {
            leave()
            return end(.status(416))
        }
        let reader = Reader(
            entry: entry, opened: opened, range: range, client: client,
            demand: demand ?? life.readers.queue.nextDemand(), isRegistered: demand != nil,
            services: life.readers, wake: wake())
        demand = nil
        promise = Promise(version, range)
        phase = .reading(reader)
        pump()
    }

    // MARK: - Events

    func receive(_ letter: Mailbox.Letter) {
        guard letter.round == round, !isOver else { return }
        switch (phase, letter.mail) {
        case (.opening, .wake(let wakeup)): openingWoke(wakeup)
        case (.reading, .wake(let wakeup)): woke(wakeup)
        case (.starting, .noted): restart()
        case (.reading, .noted(true)): pump()
        case (.reading, .noted(false)): failed(.store)
        case (.passing, let mail): passageTold(mail)
        default: break
        }
    }

    private func woke(_ wakeup: Wakeup) {
        guard case .reading(let reader) = phase else { return }
        switch wakeup {
        case .look, .complete: pump()
        case .failed(let failure):
            reader.forgotten()
            if patience != nil { failed(failure) }
        }
    }

    private func wake() -> @Sendable (Wakeup) -> Void {
        let (mailbox, number, round) = (world.mailbox, number, round)
        return { mailbox.send(.init(player: number, round: round, mail: .wake($0))) }
    }

    func noted<Value>() -> @Sendable (Result<Value, IndexError>) -> Void {
        let (mailbox, number, round) = (world.mailbox, number, round)
        return { result in
            let isNoted = if case .success = result { true } else { false }
            mailbox.send(.init(player: number, round: round, mail: .noted(isNoted: isNoted)))
        }
    }

    func failed(_ failure: FetchFailure) {
        guard case .reading(let reader) = phase else { return }
        reader.close()
        patience = nil
        slice = nil
        guard isHeadSent else {
            switch failure {
            case .changed: return restart()
            case .status(let status): return end(.status(status))
            case .store: return passBytes(of: reader.opened, reader.range)
            default: return pass()
            }
        }
        let rest = reader.position..<reader.range.upperBound
        switch failure {
        case .store, .bypass: passBytes(of: reader.opened, rest)
        case .changed where reader.opened.file.isDetached: passBytes(of: reader.opened, rest)
        default: end(.short)
        }
    }
}

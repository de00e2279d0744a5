import PlatterCore

@testable import PlatterCache

/// What readers, prefetches and fills do.
extension World {
    mutating func newReader() {
        let film = Int(random.below(Int64(films.count)))
        let length = films[film].length
        let position = random.once(in: 3) ? 0 : random.below(max(1, length))
        let suffix: Int64? =
            !films[film].isOpen && random.once(in: 6) ? 1 + random.below(200_000) : nil
        let isOpenEnded = random.once(in: 2)
        let end = isOpenEnded ? Int64.max : position + 1 + random.below(1 << 20)
        let id = takeDemand()
        readers[id] = Reader(
            film: film, client: ClientID("c\(random.below(3))"), position: position, end: end,
            window: 1 << (12 + random.below(10)), suffix: suffix)
        if films[film].isOpen { readers[id]?.end = min(end, length) }
        read(id)
    }

    mutating func takeDemand() -> DemandID {
        defer { nextDemand += 1 }
        return DemandID(nextDemand)
    }

    mutating func newJob() {
        let film = Int(random.below(Int64(films.count)))
        let isFill = random.once(in: 2)
        let length = films[film].isOpen ? films[film].length : .max
        var range: ByteRange = 0..<length
        if !isFill, random.once(in: 2) {
            let start = random.below(films[film].length)
            range = start..<min(length, start + 1 + random.below(1 << 20))
        }
        let id = takeDemand()
        jobs[id] = Job(film: film, range: range)
        note("job \(id) \(range) of \(film)")
        let demand = Demand(
            entry: films[film].entry, origin: films[film].origin, client: ClientID("job"),
            range: range, level: isFill ? .low : .medium, stride: 1 + random.below(2 << 20))
        perform(
            scheduler.register(
                id, demand, key: films[film].key,
                completeLength: films[film].isOpen ? films[film].length : nil, now: now))
    }

    /// One look of a reader, and what follows from it.
    mutating func read(_ id: DemandID) {
        guard let reader = readers[id], !reader.isWaiting else { return }
        if reader.hasMissed { return wait(id) }
        let film = films[reader.film]
        guard film.isOpen else { return miss(id) }
        if let suffix = reader.suffix, reader.end != film.length {
            readers[id]?.position = max(0, film.length - suffix)
            readers[id]?.end = film.length
            return
        }
        readers[id]?.end = min(reader.end, film.length)
        let end = min(reader.end, film.length)
        guard reader.position < end else { return leave(id) }
        let stored = film.present.ranges.first { $0.contains(reader.position) }?.upperBound
        guard
            let run = stored ?? scheduler.landedEnd(of: film.entry, at: reader.position)
        else { return miss(id) }
        let slice = isCalm ? Int64.max : 1 + random.below(256 << 10)
        let position = min(run, end, reader.position.addingClamped(slice))
        note("read \(id) \(reader.position)..<\(position)")
        readers[id]?.position = position
        if position >= end { return leave(id) }
        guard reader.isRegistered, random.once(in: 2) else { return }
        let window = position..<max(position, min(end, position.addingClamped(reader.window)))
        perform(scheduler.move(id, to: window, stride: stride(of: reader), now: now))
    }

    private mutating func stride(of reader: Reader) -> Int64 {
        random.once(in: 50) ? random.pick([0, -1, .max]) ?? 0 : max(4096, reader.window / 2)
    }

    private mutating func miss(_ id: DemandID) {
        readers[id]?.hasMissed = true
        if isCalm || random.once(in: 2) { wait(id) }
    }

    private mutating func wait(_ id: DemandID) {
        guard let reader = readers[id] else { return }
        note("wait \(id) at \(reader.position)")
        let film = films[reader.film]
        let end = max(
            reader.position + 1, min(reader.end, reader.position.addingClamped(reader.window)))
        let deadline = now.advanced(by: .seconds(5))
        let stride = stride(of: reader)
        readers[id]?.hasMissed = false
        readers[id]?.isWaiting = true
        readers[id]?.waitsSince = events
        guard !reader.isRegistered else {
            return perform(
                scheduler.wait(
                    id, at: reader.position, upTo: end, stride: stride, deadline: deadline,
                    now: now))
        }
        readers[id]?.isRegistered = true
        var demand = Demand(
            entry: film.entry, origin: film.origin, client: reader.client,
            range: reader.position..<end, level: .high, stride: stride,
            suffix: film.isOpen ? nil : reader.suffix)
        demand.isWaiting = true
        demand.deadline = deadline
        perform(
            scheduler.register(
                id, demand, key: film.key, completeLength: film.isOpen ? film.length : nil,
                now: now))
        if readers[id] == nil { return }
        perform(
            scheduler.clientMovedOn(reader.client, of: film.entry, newest: id, now: now))
    }

    /// A reader that waits for too long goes, and its demand some time later.
    mutating func giveUp(_ id: DemandID) {
        guard readers[id]?.isWaiting == true else { return leave(id) }
        note("linger \(id)")
        readers[id] = nil
        lingering.insert(id)
        perform(scheduler.linger(id, now: now))
    }

    mutating func endLingering(_ id: DemandID) {
        note("leave \(id)")
        lingering.remove(id)
        perform(scheduler.leave(id, now: now))
    }

    mutating func leave(_ id: DemandID) {
        note("leave \(id)")
        let reader = readers.removeValue(forKey: id)
        let job = jobs.removeValue(forKey: id)
        guard reader?.isRegistered ?? (job != nil) else { return }
        perform(scheduler.leave(id, now: now))
    }
}

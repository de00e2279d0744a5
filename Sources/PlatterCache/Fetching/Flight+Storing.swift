import Logging
import NIOCore
import PlatterCore
import PlatterOrigin
import PlatterStore

/// The body's way into the file and the index.
extension Flight {
    /// - Parameters:
    ///   - sendsWhole: The body is longer than what was asked for.
    ///   - skipping: Bytes of the body that come before `range`.
    func store(
        _ response: OriginResponse, range: ByteRange, sendsWhole: Bool = false,
        skipping: Int64 = 0, limit: Int64, opened: Entry.Opened, requestedAt: Moment
    ) async -> FlightOutcome {
        let wanted = range.clamped(to: 0..<max(limit, 0))
        guard let room = await services.evictor.pledge(of: roomNeeded(wanted.length)) else {
            return hasNoRoom()
        }
        guard
            let hold = services.table.spans.hold(wanted, of: opened.record.file, as: .flight)
        else {
            services.table.forget(entry)
            return .failed(.changed)
        }
        control.keep(hold)
        let headAt = services.clock.now
        // One that brings everything passes by what is there. Without these only less of it can be kept.
        let edges =
            sendsWhole
            ? try? await services.search.edges(of: opened.record.id, from: range.lowerBound) : nil
        var transfer = Transfer(
            opened: opened, start: range.lowerBound, requestedAt: requestedAt, headAt: headAt,
            edges: edges ?? [])
        let outcome: FlightOutcome
        var isBroken = false
        var report = response.report
        if !sendsWhole, wanted.length >= Self.reservation {
            transfer.reserves(upTo: wanted.upperBound)
        }
        do {
            outcome = try await receive(
                response, range: range, sendsWhole: sendsWhole, skipping: skipping, limit: limit,
                room: room, into: &transfer, report: &report)
        } catch let error as DiskError {
            isBroken = error.code == .io
            if isBroken { distrust(opened) }
            outcome = refused(error)
        } catch {
            outcome = control.isCancelled ? .ended : .retryable(after: nil)
            if !control.isCancelled {
                note("The origin breaks off", "\(error)")
                report.brokeOff(error)
            }
        }
        let trust = transfer.trust
        record(transfer.finish(), of: opened, isTrusted: { [isBroken] in !isBroken && trust() })
        // Nobody takes this flight's word for its bytes any more: the next plan must find them.
        if !transfer.isUndisturbed { try? await services.index.flush() }
        control.leave(transfer.unused)
        return outcome
    }

    /// After an I/O error what was written before may be lost although nothing said so.
    private func distrust(_ opened: Entry.Opened) {
        services.damage.distrust(opened, because: .failure)
        queue.distrust(entry)
    }

    /// The disk has nothing to spare beyond its reserve, or the cache nothing below its limit, for as long
    /// as readers need what is there. That is asked before each fetch, so the store need not be left alone for a while.
    func hasNoRoom() -> FlightOutcome {
        note("Passed through", "there is no room below the limit and beyond the disk's reserve")
        services.evictor.look()
        return .failed(.store)
    }

    /// What a flight may add before it asks for room again [16 MiB at most], and where room only comes back
    /// with whole files [1 MiB]: the file that it fills cannot be made smaller again.
    func roomNeeded(_ length: Int64) -> Int64 {
        min(length, services.disk.punchesHoles ? 16 << 20 : 1 << 20)
    }

    private func receive(
        _ response: OriginResponse, range: ByteRange, sendsWhole: Bool, skipping: Int64,
        limit: Int64, room first: RoomPledge, into transfer: inout Transfer,
        report: inout BodyReport
    ) async throws -> FlightOutcome {
        var toSkip = skipping
        var rate = MinimumRate(services.minimumRate, start: services.clock.now)
        let last = min(range.upperBound, max(limit, range.lowerBound))
        var room = first
        var roomEnd = range.lowerBound.addingClamped(first.bytes)
        for try await var buffer in response.body {
            let received = buffer.readableBytes
            rate.add(received, now: services.clock.now)
            if rate.isTooSlow(now: services.clock.now) {
                note("The origin only drips", "less than the minimum rate")
                report.brokeOff()
                return .retryable(after: nil)
            }
            let skipped = min(toSkip, Int64(buffer.readableBytes))
            buffer.moveReaderIndex(forwardBy: Int(skipped))
            toSkip -= skipped
            while buffer.readableBytes > 0 {
                let before = transfer.mark
                if before >= roomEnd, before < min(last, control.end) {
                    let wanted = roomNeeded(last - before)
                    if let more = await services.evictor.pledge(of: wanted) {
                        room = more
                    } else if !sendsWhole || !services.disk.punchesHoles {
                        return hasNoRoom()
                    }
                    // A single body that breaks off would have to come from its beginning again: then it
                    // takes of the reserve, until the disk refuses it.
                    roomEnd = before.addingClamped(wanted)
                }
                let runs = try await write(&buffer, upTo: min(last, control.end), to: &transfer)
                room.spend(transfer.mark - before)
                record(runs, of: transfer.opened, isTrusted: transfer.trust)
                guard transfer.mark > before else { return .ended }
                // What was announced may not be what is there any more: readers go by the index.
                guard
                    queue.advanced(
                        id, mark: transfer.mark, pace: transfer.pace(now: services.clock.now),
                        isTrusted: transfer.trust)
                else { return .overwritten }
                report.brought(transfer.mark - range.lowerBound)
            }
            if transfer.mark >= min(last, control.end), transfer.mark < range.upperBound {
                if transfer.mark > range.lowerBound { report.delivered() }
                return .ended
            }
            rate.wait(try await makeWay(after: received))
        }
        let isShort = transfer.mark < min(range.upperBound, control.end)
        if isShort { report.brokeOff() } else { report.delivered() }
        return isShort ? .retryable(after: nil) : .ended
    }

    /// Pauses as the bandwidth limits demand. In short sleeps: somebody may begin to play meanwhile what
    /// was background work.
    ///
    /// - Returns: How long it paused.
    private func makeWay(after bytes: Int) async throws -> Duration {
        var isBackground = queue.isBackground(id)
        let begun = services.clock.now
        var rest = services.bandwidth.take(bytes, isBackground: isBackground)
        while rest > .zero {
            let before = services.clock.now
            try await Task.sleep(for: min(rest, Self.longestSleep))
            queue.paused(id)
            rest -= services.clock.now.since(before)
            if isBackground, !queue.isBackground(id) {
                isBackground = false
                rest = min(rest, services.bandwidth.pause(isBackground: false))
            }
        }
        return services.clock.now.since(begun)
    }

    private static let longestSleep = Duration.milliseconds(250)

    /// When there is no room, some is made and it is tried once more.
    private func write(
        _ buffer: inout ByteBuffer, upTo end: Int64, to transfer: inout Transfer
    ) async throws -> [StoredRun] {
        do {
            return try transfer.write(&buffer, upTo: end)
        } catch {
            guard error.isForWantOfRoom, await services.evictor.makeRoom() else { throw error }
        }
        return try transfer.write(&buffer, upTo: end)
    }

    func record(
        _ runs: [StoredRun], of opened: Entry.Opened, isTrusted: @escaping @Sendable () -> Bool
    ) {
        guard !runs.isEmpty else { return }
        services.index.record(runs, in: opened.record.id, isTrusted: isTrusted) {
            [queue, entry, services, control] result in
            guard case .failure(let error) = result else {
                let bytes = runs.reduce(Int64(0)) { $0.addingClamped($1.range.length) }
                services.admission.stored()
                return services.evictor.recorded(bytes)
            }
            let isGone = error.code == .entryGone
            if isGone { services.table.forget(entry) } else { _ = refused(error) }
            queue.abandon(entry, failure: isGone ? .changed : .store)
            for run in runs { control.leave(run.range) }
        }
    }
}

extension Error {
    /// Whether eviction may help.
    var isForWantOfRoom: Bool {
        switch self {
        case let error as DiskError: error.code == .noSpace || error.code == .quota
        case let error as IndexError: error.code == .full
        default: false
        }
    }
}

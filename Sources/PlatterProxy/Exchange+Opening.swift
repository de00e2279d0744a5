import NIOCore
import PlatterCache
import PlatterCore
import PlatterHTTP
import PlatterStore

/// The way of a request whose object is not known yet: the origin says what it is.
extension Exchange {
    func open(_ entry: Entry) {
        // What was meant for an opening before this one would be taken for its own.
        round += 1
        let opening = Opening(
            request: request, range: opensAtStart ? .absent : request.range, since: begun,
            services: services.readers,
            latency: services.latency, loop: channel.eventLoop,
            timedOut: { [weak self] in self?.unavailable() },
            stuck: { [weak self] in self?.pass(.diskSlow) })
        phase = .opening(opening)
        opening.begin(entry, wake: wake { $0.woke($1) })
    }

    /// The demand is the same while the entry is opened and while it is read, and so is its wake-up.
    func woke(_ wakeup: Wakeup) {
        switch phase {
        case .opening(let opening): openingWoke(opening, wakeup)
        case .answering(let delivery), .detour(_, let delivery): delivery.woke(wakeup)
        case .starting, .asking, .passing, .done: break
        }
    }

    private func openingWoke(_ opening: Opening, _ wakeup: Wakeup) {
        opening.end()
        if case .failed(let failure) = wakeup { return openingFailed(failure) }
        do {
            guard let record = try index.entry(for: request.resource.key) else {
                opening.leave()
                return restart()
            }
            answer(record, demand: opening.demand)
        } catch {
            opening.leave()
            pass(.index)
        }
    }

    private func openingFailed(_ failure: FetchFailure) {
        switch failure {
        // The challenge is in the origin's fields.
        case .status(401), .status(407): pass(.challenge)
        case .status(let status): refused(status)
        case .unsatisfiable(let length): openingHasNoBytes(completeLength: length)
        case .changed: restart()
        case .bypass: pass(.notStored)
        case .store: pass(.store)
        case .unreachable: unavailable()
        case .badCertificate: notTrusted()
        case .stopped: stopped()
        }
    }

    /// - Parameter length: As the origin states it.
    private func openingHasNoBytes(completeLength length: Int64?) {
        // An empty object cannot be asked for by range.
        guard request.range.isSet else { return pass(.empty) }
        switch length {
        case 0 where request.range.resolve(completeLength: 0) != .unsatisfiable:
            pass(.empty, isWhole: true)
        // It was another reader's range that has no bytes.
        case let length? where request.range.resolve(completeLength: length) != .unsatisfiable:
            restart()
        // Conditions come before the range (RFC 9110 section 13.2.1): one that does not hold makes it
        // void, which only the version tells. It has a first byte.
        case _ where request.isConditional && length != 0 && !opensAtStart:
            opensAtStart = true
            restart()
        case let length? where !request.isConditional: unsatisfiable(completeLength: length)
        // Nothing is known of an empty version here, nor whose range it was that has no bytes: another reader's
        // may have failed this opening too. The origin sees the range, and `If-Range`.
        default: pass(.unsatisfiable)
        }
    }

    /// The world changed under the opening: once more from the index, but not for ever.
    func restart() {
        guard restarts < 2 else { return pass(.changed) }
        restarts += 1
        round += 1
        phase = .starting
        begin()
    }
}

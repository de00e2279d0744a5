import NIOConcurrencyHelpers
import NIOCore
import PlatterCore

/// What the connections of an origin ask of it and tell it.
extension ScriptedOrigin {
    func admit(_ channel: any Channel) -> OriginState.Admission {
        state.withLockedValue { $0.admit(channel) }
    }

    func closed(_ connection: Int) { state.withLockedValue { $0.closed(connection) } }

    func answer(_ request: OriginRequest, connection: Int) -> OriginState.Answer {
        let path = request.path
        let (place, isSet) = state.withLockedValue { state in
            let place = state.signed.origin(of: path)
            return (place, state.resources[place] != nil)
        }
        // Outside the lock: it may look at files.
        let found = isSet ? nil : find(place)
        let milliseconds = Moment.uptime().since(started).nanosecondsClamped / 1_000_000
        return state.withLockedValue {
            $0.answer(
                request, resource: found, connection: connection, at: milliseconds,
                date: HTTPDate.now())
        }
    }

    func slot(upTo wanted: Int, now: Moment) -> Gate.Slot {
        state.withLockedValue { $0.slot(upTo: wanted, now: now) }
    }

    func wrote(_ count: Int, _ answer: OriginState.Answer) {
        state.withLockedValue { $0.wrote(count, answer) }
    }

    func finished(_ answer: OriginState.Answer) {
        state.withLockedValue { $0.finished(answer) }
    }

    /// nil when the request is not for the control interface.
    func control(_ request: OriginRequest) -> ControlReply? {
        guard hasControl, request.path.hasPrefix(ControlCommand.prefix) else { return nil }
        return ControlReply(to: request, from: self)
    }

    func perform(_ afterwards: ControlReply.Afterwards) {
        pauseListening(for: afterwards.duration, closing: afterwards.ending)
    }
}

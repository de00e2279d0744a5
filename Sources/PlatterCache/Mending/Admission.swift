package import Logging
import NIOConcurrencyHelpers
package import PlatterCore
package import PlatterStore

/// The shell around `AdmissionRule`, for all flights.
package final class Admission: Sendable {
    private let rule = NIOLockedValueBox(AdmissionRule())
    private let damage: DamageWatch
    private let latency: DiskLatency?
    private let clock: any MonotonicClock
    private let log: Logger

    package init(
        damage: DamageWatch, latency: DiskLatency? = nil, clock: any MonotonicClock, log: Logger
    ) {
        self.damage = damage
        self.latency = latency
        self.clock = clock
        self.log = log
    }

    /// Whether a fetch whose bytes are to be stored may begin now.
    func admits() -> Bool {
        !damage.isSuspect && latency?.isSlow != true
            && rule.withLockedValue { $0.admits(now: clock.now) }
    }

    func refused(_ error: any Error) {
        guard rule.withLockedValue({ $0.refused(now: clock.now) }) else { return }
        log.error(
            "The store takes no bytes; what is not on disk is passed through",
            metadata: ["error": "\(error)"])
    }

    func stored() {
        guard rule.withLockedValue({ $0.stored() }) else { return }
        log.notice("The store takes bytes again")
    }

    /// What stood in the way is gone: the next fetch need not wait.
    package func reopen() {
        guard rule.withLockedValue({ $0.reopen() }) else { return }
        log.notice("The store takes bytes again")
    }
}

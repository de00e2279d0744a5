import NIOConcurrencyHelpers
import PlatterCore

/// Whoever asks it for the time does something first.
final class TrapClock: MonotonicClock {
    private let action = NIOLockedValueBox<(@Sendable () -> Void)?>(nil)

    func set(_ action: @escaping @Sendable () -> Void) {
        self.action.withLockedValue { $0 = action }
    }

    var now: Moment {
        let action = action.withLockedValue { action in
            defer { action = nil }
            return action
        }
        action?()
        return .start
    }
}

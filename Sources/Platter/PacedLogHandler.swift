import Logging
import NIOConcurrencyHelpers
import PlatterCache
import PlatterCore

/// Hands on the first few of many equal messages: who is attacked, or whose disk is broken, must not
/// have it filled by the log as well.
struct PacedLogHandler: LogHandler {
    private var handler: any LogHandler
    private let pace: LogPace

    init(_ handler: any LogHandler, pace: LogPace = LogPace(clock: SystemClock())) {
        self.handler = handler
        self.pace = pace
    }

    func log(event: LogEvent) {
        switch pace.admit(event.message.description) {
        case .drop: break
        case .take(let dropped):
            var event = event
            if dropped > 0 {
                event.metadata = (event.metadata ?? [:]).merging(
                    ["left-out-before": "\(dropped)"]) { own, _ in own }
            }
            handler.log(event: event)
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { handler[metadataKey: key] }
        set { handler[metadataKey: key] = newValue }
    }

    var metadata: Logger.Metadata {
        get { handler.metadata }
        set { handler.metadata = newValue }
    }

    var metadataProvider: Logger.MetadataProvider? {
        get { handler.metadataProvider }
        set { handler.metadataProvider = newValue }
    }

    var logLevel: Logger.Level {
        get { handler.logLevel }
        set { handler.logLevel = newValue }
    }
}

/// How often a message was logged lately.
final class LogPace: Sendable {
    enum Verdict: Hashable {
        /// - Parameter dropped: How many before it were left out.
        case take(dropped: Int)
        case drop
    }

    /// So many equal messages are handed on [10] in so much time [10 s].
    static let limit = 10
    static let window = Duration.seconds(10)
    /// Messages are few; should one hold what a stranger sent, this many are remembered [500].
    static let messageLimit = 500

    private struct Count {
        let since: Moment
        var taken = 0
        var dropped = 0
    }

    private let counts = NIOLockedValueBox<[String: Count]>([:])
    private let clock: any MonotonicClock

    init(clock: any MonotonicClock) { self.clock = clock }

    func admit(_ message: String) -> Verdict {
        let now = clock.now
        return counts.withLockedValue { counts in
            if counts.count >= Self.messageLimit, counts[message] == nil { counts = [:] }
            var count = counts[message] ?? Count(since: now)
            let dropped = count.dropped
            if now.since(count.since) >= Self.window { count = Count(since: now) }
            defer { counts[message] = count }
            guard count.taken < Self.limit else {
                count.dropped += 1
                return .drop
            }
            let isFirst = count.taken == 0
            count.taken += 1
            return .take(dropped: isFirst ? dropped : 0)
        }
    }
}

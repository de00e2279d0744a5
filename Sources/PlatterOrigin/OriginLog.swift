package import Logging
import NIOConcurrencyHelpers
import PlatterHTTP

/// Tells people of origins that fail, and of those that answer again, as `OriginNews` decides. Shared by
/// all ways to origins.
package final class OriginLog: Sendable {
    private let news = NIOLockedValueBox(OriginNews())
    private let log: Logger
    private let wallClock: @Sendable () -> Int64

    /// - Parameter wallClock: Seconds since 1970.
    package init(log: Logger, wallClock: @escaping @Sendable () -> Int64 = WallClock.now) {
        self.log = log
        self.wallClock = wallClock
    }

    /// A request got no answer, or one that says that the origin is broken.
    ///
    /// - Parameter reason: For people. Host and port are all that is told of the URL.
    func failed(_ url: OriginURL, because reason: String) {
        let (origin, now) = (Self.place(of: url), wallClock())
        guard news.withLockedValue({ $0.failed(origin, now: now) }) else { return }
        log.warning("An origin fails", metadata: ["origin": "\(origin)", "reason": "\(reason)"])
    }

    func answered(_ url: OriginURL) {
        let origin = Self.place(of: url)
        guard news.withLockedValue({ $0.answered(origin) }) else { return }
        log.notice("An origin answers again", metadata: ["origin": "\(origin)"])
    }

    private static func place(of url: OriginURL) -> String { "\(url.host):\(url.port)" }
}

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
    /// - Parameters:
    ///   - reason: For people. Host and port are all that is told of the URL.
    ///   - isOfCertificate: That is news also of one that failed otherwise before: it does not pass by itself.
    func failed(_ url: OriginURL, because reason: String, isOfCertificate: Bool = false) {
        let (origin, now) = (Self.place(of: url), wallClock())
        let subject = isOfCertificate ? Self.certificate(of: origin) : origin
        guard news.withLockedValue({ $0.failed(subject, now: now) }) else { return }
        log.warning("An origin fails", metadata: ["origin": "\(origin)", "reason": "\(reason)"])
    }

    func answered(_ url: OriginURL) {
        let origin = Self.place(of: url)
        let isNews = news.withLockedValue { news in
            let wasBad = news.answered(Self.certificate(of: origin))
            return news.answered(origin) || wasBad
        }
        guard isNews else { return }
        log.notice("An origin answers again", metadata: ["origin": "\(origin)"])
    }

    private static func certificate(of place: String) -> String { "\(place) TLS" }

    private static func place(of url: OriginURL) -> String { "\(url.host):\(url.port)" }
}

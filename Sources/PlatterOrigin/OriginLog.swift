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
        tell(url, reason) { news, origin, now in
            news.failed(isOfCertificate ? Self.certificate(of: origin) : origin, now: now)
        }
    }

    /// There was an answer without a body that was asked for.
    func answered(_ url: OriginURL) { tell(url) { $0.answered($1) } }

    /// Redirects led to a URL: they answered, whatever that one says.
    func led(by visited: Set<OriginURL>, to url: OriginURL) {
        let end = Self.place(of: url)
        for earlier in visited where Self.place(of: earlier) != end { answered(earlier) }
    }

    /// How the body of an answer came.
    func ended(_ url: OriginURL, _ ending: BodyReport.Ending) {
        switch ending {
        case .delivered: tell(url) { $0.delivered($1) }
        case .brokeOff(let error):
            tell(url, FailureReason.text(ofBody: error)) { $0.brokeOff($1, now: $2) }
        }
    }

    private func tell(
        _ url: OriginURL, _ reason: String,
        _ isNews: (inout OriginNews, String, Int64) -> Bool
    ) {
        let (origin, now) = (Self.place(of: url), wallClock())
        guard news.withLockedValue({ isNews(&$0, origin, now) }) else { return }
        log.warning("An origin fails", metadata: ["origin": "\(origin)", "reason": "\(reason)"])
    }

    private func tell(_ url: OriginURL, _ isNews: (inout OriginNews, String) -> Bool) {
        let origin = Self.place(of: url)
        let isTold = news.withLockedValue { news in
            let wasBad = news.answered(Self.certificate(of: origin))
            return isNews(&news, origin) || wasBad
        }
        guard isTold else { return }
        log.notice("An origin answers again", metadata: ["origin": "\(origin)"])
    }

    private static func certificate(of place: String) -> String { "\(place) TLS" }

    private static func place(of url: OriginURL) -> String { "\(url.host):\(url.port)" }
}

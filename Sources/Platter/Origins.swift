import Logging
import NIOCore
import PlatterOrigin

/// The two ways to origins: one for fetches, which the scheduler keeps few and which must not stall,
/// and one for what is passed through at the pace of its player.
struct Origins: Sendable {
    let fetching: HTTPOrigin
    let passing: HTTPOrigin

    /// - Parameter stall: A fetch that brings nothing for so long counts as broken.
    init(group: any EventLoopGroup, stall: Duration, log: Logger) {
        let log = OriginLog(log: log)
        var settings = HTTPOrigin.Settings()
        settings.stallTimeout = stall
        fetching = HTTPOrigin(group: group, settings: settings, log: log)
        var patient = HTTPOrigin.Settings()
        patient.stallTimeout = nil
        passing = HTTPOrigin(group: group, settings: patient, log: log)
    }

    func shutdown() async {
        await fetching.shutdown()
        await passing.shutdown()
    }
}

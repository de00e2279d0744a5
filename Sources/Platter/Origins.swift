import NIOCore
import PlatterOrigin

/// The two ways to origins: one for fetches, which the scheduler keeps few and which must not stall,
/// and one for what is passed through at the pace of its player.
struct Origins: Sendable {
    let fetching: HTTPOrigin
    let passing: HTTPOrigin

    init(group: any EventLoopGroup) {
        fetching = HTTPOrigin(group: group)
        var patient = HTTPOrigin.Settings()
        patient.stallTimeout = nil
        passing = HTTPOrigin(group: group, settings: patient)
    }

    func shutdown() async {
        await fetching.shutdown()
        await passing.shutdown()
    }
}

import Logging
import NIOCore
import PlatterOrigin

/// The two ways to origins: one for fetches, which the scheduler keeps few and which must not stall,
/// and one for what is passed through at the pace of its player.
struct Origins: Sendable {
    let fetching: HTTPOrigin
    let passing: HTTPOrigin

    /// - Parameters:
    ///   - authorities: Trusted beside those of the system.
    ///   - stall: A fetch that brings nothing for so long counts as broken.
    init(
        group: any EventLoopGroup, authorities: CertificateAuthorities, stall: Duration, log: Logger
    ) {
        let log = OriginLog(log: log)
        var settings = HTTPOrigin.Settings()
        settings.authorities = authorities
        settings.stallTimeout = stall
        fetching = HTTPOrigin(group: group, settings: settings, log: log)
        var patient = settings
        patient.stallTimeout = nil
        passing = HTTPOrigin(group: group, settings: patient, log: log)
    }

    /// - Throws: When the file of the authorities cannot be used.
    static func authorities(
        _ configuration: PlatterConfiguration
    ) throws(PlatterError) -> CertificateAuthorities {
        guard let file = configuration.originAuthorities else { return CertificateAuthorities() }
        do throws(CertificateAuthorities.Flaw) {
            return try CertificateAuthorities(file: file)
        } catch {
            throw PlatterError(
                .invalidConfiguration, error.description, setting: .originAuthorities)
        }
    }

    func shutdown() async {
        await fetching.shutdown()
        await passing.shutdown()
    }
}

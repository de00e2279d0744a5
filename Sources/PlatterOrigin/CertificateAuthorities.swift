import NIOSSL

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Who is trusted to sign certificates of origins, beside those that the system trusts.
package struct CertificateAuthorities: Sendable {
    /// Why a file cannot be used, for people.
    package struct Flaw: Error, Hashable, CustomStringConvertible {
        package let description: String
    }

    private let certificates: [NIOSSLCertificate]

    /// None.
    package init() { certificates = [] }

    /// Those of a file, which is read now and never again.
    ///
    /// - Parameter path: In PEM form; one or several, or the certificate of an origin that has signed it itself.
    package init(file path: String) throws(Flaw) {
        // The library does not say why.
        guard access(path, R_OK) == 0 else {
            let code = errno
            throw Flaw(description: "\(path): \(String(cString: strerror(code)))")
        }
        do {
            certificates = try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw Flaw(
                description:
                    "\(path): no certificate in PEM form, as in -----BEGIN CERTIFICATE-----")
        }
    }

    /// nil: as it is by default.
    var clientConfiguration: TLSConfiguration? {
        guard !certificates.isEmpty else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.additionalTrustRoots = [.certificates(certificates)]
        return configuration
    }
}

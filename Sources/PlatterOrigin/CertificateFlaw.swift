import NIOSSL

/// Why the certificate of an origin is not trusted, as far as the TLS library tells.
enum CertificateFlaw: Hashable {
    /// It is for other hosts.
    case otherHost
    /// It is over, or not valid yet, or signed by nobody who is trusted: which of these is not told.
    case notTrusted

    /// What only the text of the library's error says (OpenSSL's name of it).
    private static let verificationFailed = "CERTIFICATE_VERIFY_FAILED"

    /// nil: it is about something else.
    init?(_ error: any Error) {
        switch error {
        case let error as NIOSSLExtraError
        where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
            self = .otherHost
        case NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate:
            self = .notTrusted
        case NIOSSLError.handshakeFailed(.sslError(let stack))
        where stack.contains { "\($0)".contains(Self.verificationFailed) }:
            self = .notTrusted
        default: return nil
        }
    }

    /// What is wrong and what to do, for people.
    var reason: String {
        switch self {
        case .otherHost:
            "its certificate is for another host name; use that name, or have a certificate made for this one"
        case .notTrusted:
            """
            its certificate is not trusted: it has expired, or its authority is not known here; \
            renew it, or name the authority (--origin-ca)
            """
        }
    }
}

import AsyncHTTPClient
import NIOPosix

extension OriginError {
    /// What an error of the HTTP client, or of a connection, is to those who asked.
    init(_ error: any Error) {
        switch error {
        case let error as OriginError: self = error
        case is CancellationError: self = .cancelled
        case _ where CertificateFlaw(error) != nil: self = .badCertificate
        case let error as HTTPClientError
        where error == .readTimeout || error == .connectTimeout || error == .deadlineExceeded
            || error == .tlsHandshakeTimeout:
            self = .timedOut
        case let error as NIOConnectionError where error.hasTimedOut: self = .timedOut
        case let error as HTTPClientError where error == .cancelled: self = .cancelled
        default: self = .unreachable
        }
    }
}

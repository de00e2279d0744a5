import AsyncHTTPClient
import NIOHTTP1
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
        // The connection ended within a head, which says nothing of what it would have been.
        case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection:
            self = .unreachable
        case is HTTPParserError: self = .invalid
        default: self = .unreachable
        }
    }
}

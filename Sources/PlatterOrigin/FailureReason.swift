import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Why a request got no answer, in words for people.
enum FailureReason {
    /// Characters of what others say at most [200].
    private static let longest = 200
    private static let noConnection = "no connection in time"

    /// Why bodies bring next to nothing.
    ///
    /// - Parameter error: nil: they end too early.
    static func text(ofBody error: (any Error)?) -> String {
        let what = "its answers break off, with next to nothing of what was asked for"
        guard let error else { return what }
        return switch error {
        case let error as HTTPClientError where error == .readTimeout:
            "\(what): nothing more comes"
        case let error as HTTPClientError where error == .remoteConnectionClosed:
            "\(what): it closes the connection"
        case HTTPParserError.invalidEOFState: "\(what): it closes the connection"
        default: "\(what): \(text(error))"
        }
    }

    static func text(_ error: any Error) -> String {
        if let flaw = CertificateFlaw(error) { return flaw.reason }
        return switch error {
        case let error as NIOConnectionError:
            error.hasTimedOut
                ? noConnection
                // Without one the name was not even resolved.
                : error.connectionErrors.first.map { text($0.error) } ?? "its name has no address"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as HTTPClientError: ofClient(error)
        case ChannelError.connectTimeout: noConnection
        case HTTPParserError.invalidEOFState, HTTPParserError.closedConnection:
            "it closes the connection without an answer"
        case is HTTPParserError: "its answer is no HTTP"
        // Of TLS mostly, which says a lot.
        default: String("\(error)".prefix(longest))
        }
    }

    private static func ofClient(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout, .tlsHandshakeTimeout: noConnection
        case .readTimeout, .deadlineExceeded: "no answer in time"
        case .remoteConnectionClosed: "it closes the connection without an answer"
        default: error.shortDescription
        }
    }
}

extension NIOConnectionError {
    /// One of its addresses takes no connection and refuses none.
    var hasTimedOut: Bool {
        connectionErrors.contains {
            if case ChannelError.connectTimeout = $0.error { true } else { false }
        }
    }
}

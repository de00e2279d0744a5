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

    static func text(_ error: any Error) -> String {
        if let flaw = CertificateFlaw(error) { return flaw.reason }
        return switch error {
        case let error as NIOConnectionError:
            // Without one the name was not even resolved.
            error.connectionErrors.first.map { text($0.error) } ?? "its name has no address"
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case let error as HTTPClientError: ofClient(error)
        case ChannelError.connectTimeout: "no connection in time"
        case is HTTPParserError: "its answer is no HTTP"
        // Of TLS mostly, which says a lot.
        default: String("\(error)".prefix(longest))
        }
    }

    private static func ofClient(_ error: HTTPClientError) -> String {
        switch error {
        case .connectTimeout: "no connection in time"
        case .readTimeout, .deadlineExceeded: "no answer in time"
        case .remoteConnectionClosed: "it closes the connection without an answer"
        default: error.shortDescription
        }
    }
}

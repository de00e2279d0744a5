/// The edge that faces players: HTTP/1.1 requests in, byte ranges out. It routes, writes and waits;
/// what is fetched, when and for whom is decided in PlatterCache.

import HTTPTypes
package import PlatterCache
import PlatterCore
package import PlatterHTTP

/// What request targets name (REQUIREMENTS E5): registered streams under their own prefix, everything
/// else a path of the one origin.
package struct Routes: Sendable {
    private let origin: OriginURL?
    private let streams: StreamRegistry

    /// - Parameter origin: nil: only registered streams are served.
    package init(origin: OriginURL?, streams: StreamRegistry) {
        self.origin = origin
        self.streams = streams
    }

    package enum Route: Hashable, Sendable {
        case resource(Resource)
        /// Nothing has this name.
        case unknown
        /// The target is not an absolute path (RFC 9112 section 3.2), or one that no URL has.
        case malformed
    }

    package func route(_ target: String) -> Route {
        guard target.hasPrefix("/") else { return .malformed }
        if target.hasPrefix(StreamRegistry.prefix) {
            let name = target.dropFirst(StreamRegistry.prefix.count)
            return streams.resource(forTarget: name).map { .resource($0) } ?? .unknown
        }
        guard let origin else { return .unknown }
        guard let url = try? origin.appending(target: target) else { return .malformed }
        return .resource(Resource(url, fields: [:]))
    }
}

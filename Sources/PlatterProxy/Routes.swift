/// The edge that faces players: HTTP/1.1 requests in, byte ranges out. It routes, writes and waits;
/// what is fetched, when and for whom is decided in PlatterCache.

import HTTPTypes
package import PlatterCache
import PlatterCore
package import PlatterHTTP

/// What request targets name (REQUIREMENTS E5): registered streams under their own prefix, paths of a
/// named origin below its name, and everything else a path of the one origin without a name.
package struct Routes: Sendable {
    private let origin: OriginURL?
    private let named: [String: OriginURL]
    private let streams: StreamRegistry

    /// - Parameters:
    ///   - origin: nil: only named ones and registered streams are served.
    ///   - named: By the first segment of the path.
    package init(origin: OriginURL?, named: [String: OriginURL], streams: StreamRegistry) {
        self.origin = origin
        self.named = named
        self.streams = streams
    }

    package enum Route: Hashable, Sendable {
        case resource(Resource)
        /// Nothing has this name.
        case unknown
        /// The target is not an absolute path (RFC 9112 section 3.2), or one that no URL has.
        case malformed
    }

    /// Whether a target names the same for as long as the server runs.
    static func isLasting(_ target: String) -> Bool { !target.hasPrefix(StreamRegistry.prefix) }

    package func route(_ target: String) -> Route {
        guard target.hasPrefix("/") else { return .malformed }
        if !Self.isLasting(target) {
            let name = target.dropFirst(StreamRegistry.prefix.count)
            return streams.resource(forTarget: name).map { .resource($0) } ?? .unknown
        }
        let name = target.dropFirst().prefix { $0 != "/" && $0 != "?" }
        if let origin = named[String(name)], target[name.endIndex...].hasPrefix("/") {
            return resource(of: origin, String(target[name.endIndex...]))
        }
        guard let origin else { return .unknown }
        return resource(of: origin, target)
    }

    private func resource(of origin: OriginURL, _ target: String) -> Route {
        guard let url = try? origin.appending(target: target) else { return .malformed }
        return .resource(Resource(url, fields: [:]))
    }
}

/// What a target named last, which most requests of a connection name again.
struct LastRoute {
    private var target: String?
    private var route = Routes.Route.unknown

    mutating func route(_ target: String, in routes: Routes) -> Routes.Route {
        if target == self.target { return route }
        let found = routes.route(target)
        // A stream may be registered, or not any more, by the next time.
        self.target = Routes.isLasting(target) ? target : nil
        route = found
        return found
    }
}

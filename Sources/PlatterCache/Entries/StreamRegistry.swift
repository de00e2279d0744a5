package import HTTPTypes
import NIOConcurrencyHelpers
import PlatterCore
package import PlatterHTTP

/// Streams that were registered: a URL with its own header fields, reachable under a local path that
/// cannot be guessed. Kept in memory only, because the fields may hold credentials.
package final class StreamRegistry: Sendable {
    /// Streams kept; the oldest makes room [10,000].
    static let limit = 10_000
    /// What local paths of streams start with.
    package static let prefix = "/_platter/stream/"

    private struct Stream: Hashable {
        let url: OriginURL
        let fields: HTTPFields
    }

    private struct State {
        var streams: [String: Stream] = [:]
        var tokens: [Stream: String] = [:]
        var order: [String] = []
    }

    private let state = NIOLockedValueBox(State())

    package init() {}

    /// The local path for a URL. The same URL with the same fields always has the same path.
    package func register(_ url: OriginURL, fields: HTTPFields) -> String {
        let stream = Stream(url: url, fields: fields)
        let token = state.withLockedValue { state in
            if let known = state.tokens[stream] { return known }
            let token = Self.randomToken()
            state.streams[token] = stream
            state.tokens[stream] = token
            state.order.append(token)
            if state.order.count > Self.limit {
                let oldest = state.order.removeFirst()
                if let dropped = state.streams.removeValue(forKey: oldest) {
                    state.tokens[dropped] = nil
                }
            }
            return token
        }
        return Self.prefix + token + "/" + (url.lastSegment.isEmpty ? "stream" : url.lastSegment)
    }

    /// What a local path below the prefix stands for: the registered URL, or one in its folder, as
    /// the segments of a playlist are.
    package func resource(forTarget target: Substring) -> Resource? {
        let token = target.prefix { $0 != "/" }
        guard let stream = state.withLockedValue({ $0.streams[String(token)] }) else { return nil }
        let rest = target[token.endIndex...].dropFirst()
        let name = stream.url.lastSegment
        if rest == name || (name.isEmpty && rest == "stream") {
            return Resource(stream.url, fields: stream.fields)
        }
        let folder = String(stream.url.path.dropLast(name.count))
        guard let url = try? OriginURL(stream.url.origin + folder + rest) else { return nil }
        return Resource(url, fields: stream.fields)
    }

    private static func randomToken() -> String {
        let digits = Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)
        var generator = SystemRandomNumberGenerator()
        let text = (0..<24).map { _ in
            digits[Int.random(in: 0..<digits.count, using: &generator)]
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Resource {
    /// The resource of a URL that is asked for with fields of its own. Those are part of the key: what
    /// one credential may see is not shown to another.
    package init(_ url: OriginURL, fields: HTTPFields) {
        let names = fields.map { "\($0.name.canonicalName): \($0.value)" }.sorted()
        let suffix = names.isEmpty ? "" : " " + Fingerprint.of(names)
        self.init(key: CacheKey(url.description + suffix), url: url, fields: fields)
    }
}

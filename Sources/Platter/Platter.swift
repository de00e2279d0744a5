/// A read-through cache for large media over HTTP: players ask it, it asks the origin for what it does
/// not have, byte by byte and never twice.
///
///     let platter = try await Platter.start(.init(directory: "/var/cache/film"))
///     let local = try await platter.localURL(for: "https://media.example/film.mp4")
///     // hand `local` to any player
///     await platter.stop()
public final class Platter: Sendable {
    private let engine: Engine

    private init(engine: Engine) { self.engine = engine }

    /// Opens the cache and starts to listen.
    ///
    /// - Throws: `PlatterError`, whose description says what is wrong and what to do.
    public static func start(_ configuration: PlatterConfiguration) async throws -> Platter {
        let problems = configuration.problems
        guard problems.isEmpty else {
            throw PlatterError(.invalidConfiguration, problems.joined(separator: "\n"))
        }
        return Platter(engine: try await Engine.start(configuration))
    }

    /// Where players connect: `http://127.0.0.1:7777`, with the port that was really taken.
    public var baseURL: String { engine.baseURL }

    /// Where the admin interface listens; nil when it is off.
    public var adminURL: String? { engine.adminURL }

    /// The local URL under which a player finds a remote one. The same URL with the same fields always
    /// gives the same local URL, for as long as this object lives.
    ///
    /// - Parameters:
    ///   - url: Absolute, http or https.
    ///   - headers: Sent to the origin with every request for it, such as `Authorization`.
    public func localURL(
        for url: String, headers: [(name: String, value: String)] = []
    ) throws -> String {
        try engine.localURL(for: url, headers: headers)
    }

    /// Fetches a remote object at medium priority, behind everything that plays. The wish survives a
    /// restart until it is fulfilled, except for its headers.
    public func prefetch(
        _ url: String, headers: [(name: String, value: String)] = []
    ) async throws {
        try await engine.prefetch(url, headers: headers)
    }

    /// What is on disk of a remote object.
    ///
    /// - Returns: nil when nothing is known of it.
    public func status(
        of url: String, headers: [(name: String, value: String)] = []
    ) async throws -> ObjectStatus? {
        try await engine.status(of: url, headers: headers)
    }

    /// Responses to players that are under way.
    package var responseCount: Int { engine.responseCount }

    /// Stops listening, ends all fetches and closes the cache. What was fetched is kept.
    /// A second call does nothing.
    ///
    /// - Parameter drain: So long the responses under way may go on. What is not over by then is cut
    ///   off, in a way that makes players ask for the rest.
    public func stop(drain: Duration = .zero) async { await engine.stop(drain: drain) }
}

/// What is on disk of an object.
public struct ObjectStatus: Hashable, Sendable {
    /// How much of it is there.
    public enum State: String, Hashable, Sendable {
        /// Known, without a byte on disk.
        case new
        case partial
        case complete
        /// The origin has another version by now.
        case stale
    }

    /// Derived from what is on disk at this moment.
    public let state: State
    /// Bytes of the object.
    public let completeLength: Int64
    /// Bytes of it on disk.
    public let presentBytes: Int64
}

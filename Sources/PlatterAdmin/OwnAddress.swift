import PlatterHTTP

/// Where players connect: a URL there stands for an object of some origin, and is none itself.
struct OwnAddress: Hashable, Sendable {
    private static let loopback: Set<String> = ["127.0.0.1", "localhost", "[::1]"]
    private static let everywhere: Set<String> = ["0.0.0.0", "[::]"]

    private let base: OriginURL?

    /// - Parameter url: As people are told it.
    init(_ url: String) { base = try? OriginURL(url) }

    /// Whether a URL is one of our own, under any name that this machine has for itself.
    func holds(_ url: OriginURL) -> Bool {
        guard let base, url.scheme == base.scheme, url.port == base.port else { return false }
        if url.host == base.host { return true }
        return Self.loopback.contains(url.host)
            && (Self.loopback.contains(base.host) || Self.everywhere.contains(base.host))
    }
}

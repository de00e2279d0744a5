import PlatterHTTP

/// What may be meant so, and is worth a word all the same.
extension PlatterConfiguration {
    /// One line each, for the log at the start.
    package var warnings: [String] { openAddresses + strangers.map(Self.warning(ofStranger:)) }

    private var openAddresses: [String] {
        var found: [String] = []
        // Who hands a socket over has chosen its address.
        if inheritedSocket == nil, !Self.isLoopback(host) {
            found.append(
                """
                Anybody who reaches \(host), port \(port), may use the cache, and the origins \
                through it
                """)
        }
        if let admin, !Self.isLoopback(admin.host) {
            found.append(
                """
                Anybody who reaches \(admin.host), port \(admin.port), may list what is cached, and have any \
                URL fetched that this machine can reach
                """)
        }
        return found
    }

    /// Trusted ones that are none of the origins. Without any origin all are those of registered URLs.
    private var strangers: [String] {
        let served = ([origin].compactMap(\.self) + namedOrigins.values).compactMap(Self.authority)
        if served.isEmpty { return [] }
        return trustedOrigins.filter { trusted in
            Self.authority(trusted).map { !served.contains($0) } ?? false
        }
    }

    private static func authority(_ text: String) -> String? { (try? OriginURL(text))?.origin }

    private static func warning(ofStranger origin: String) -> String {
        """
        \(origin) is trusted and none of the origins of this server: that is only of use for URLs that are \
        registered
        """
    }

    /// A name is taken to be of another machine, but for the one that is ours everywhere.
    private static func isLoopback(_ host: String) -> Bool {
        if host == "::1" || host.lowercased() == "localhost" { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.first == "127"
            && numbers.allSatisfy { UInt8($0) != nil }
    }
}

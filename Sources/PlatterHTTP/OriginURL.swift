/// An absolute http or https URL, taken apart by the one parser whose result is both checked and
/// connected to (RFC 3986, RFC 9110 section 4.2). Nothing is decoded; the path and query are kept
/// byte for byte.
package struct OriginURL: Hashable, Sendable, CustomStringConvertible {
    package enum Scheme: String, Hashable, Sendable {
        case http
        case https
    }

    /// What is wrong with a URL, with the remedy in its description.
    package enum Flaw: Error, Hashable, Sendable, CustomStringConvertible {
        case notHTTP
        case missingHost
        case userInformation
        case invalidHost
        case invalidPort
        case invalidCharacter
        case dotSegments

        package var description: String {
            switch self {
            case .notHTTP: "the URL must start with http:// or https://"
            case .missingHost: "the URL has no host"
            case .userInformation:
                "the URL must not hold a user name or password; pass an Authorization header"
            case .invalidHost: "the URL's host is not a valid name or address"
            case .invalidPort: "the URL's port must be from 1 to 65535"
            case .invalidCharacter:
                "the URL has a space, backslash, control or non-ASCII character; percent-encode it"
            case .dotSegments: "the URL's path must not have . or .. segments"
            }
        }
    }

    package let scheme: Scheme
    /// In lower case; an IPv6 address keeps its brackets.
    package let host: String
    package let port: Int
    /// Starts with a slash.
    package let path: String
    /// Without the question mark; nil when there is none.
    package let query: String?

    /// - Throws: The first flaw found. A fragment is dropped: it is never sent (RFC 9110 4.2.5).
    package init(_ text: String) throws(Flaw) {
        let bytes = text.utf8
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            throw .invalidCharacter
        }
        guard let colon = text.firstIndex(of: ":"),
            let scheme = Scheme(rawValue: text[..<colon].lowercased())
        else { throw .notHTTP }
        let rest = text[colon...].dropFirst()
        guard rest.hasPrefix("//") else { throw .notHTTP }
        let body = rest.dropFirst(2).prefix { $0 != "#" }
        let authority = body.prefix { $0 != "/" && $0 != "?" }
        let target = body[authority.endIndex...]
        let (host, port) = try Self.parse(authority: authority, scheme: scheme)
        let path = target.prefix { $0 != "?" }
        let query = target[path.endIndex...]
        try self.init(
            scheme: scheme, host: host, port: port, path: path.isEmpty ? "/" : String(path),
            query: query.isEmpty ? nil : String(query.dropFirst()))
    }

    private init(
        scheme: Scheme, host: String, port: Int, path: String, query: String?
    ) throws(Flaw) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        if segments.contains(where: { $0 == "." || $0 == ".." }) { throw .dotSegments }
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path
        self.query = query
    }

    private static func parse(
        authority: Substring, scheme: Scheme
    ) throws(Flaw) -> (String, Int) {
        if authority.contains("@") { throw .userInformation }
        if authority.isEmpty { throw .missingHost }
        let standard = scheme == .http ? 80 : 443
        let end: Substring.Index
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .invalidHost }
            end = authority.index(after: bracket)
        } else {
            end = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        let host = authority[..<end].lowercased()
        guard isHost(host) else { throw host.isEmpty ? .missingHost : .invalidHost }
        let tail = authority[end...]
        if tail.isEmpty || tail == ":" { return (host, standard) }
        guard tail.hasPrefix(":"), tail.dropFirst().utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let port = Int(tail.dropFirst()), 1...65535 ~= port
        else { throw .invalidPort }
        return (host, port)
    }

    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("[") {
            return host.utf8.count > 3
                && host.dropFirst().dropLast().utf8.allSatisfy { byte in
                    0x30...0x39 ~= byte || 0x61...0x66 ~= byte || byte == UInt8(ascii: ":")
                        || byte == UInt8(ascii: ".")
                }
        }
        return !host.isEmpty && host.utf8.count <= 253
            && host.utf8.allSatisfy { byte in
                0x30...0x39 ~= byte || 0x61...0x7A ~= byte || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            }
    }

    // MARK: - Parts

    /// Scheme, host and port; the port only where it is not the scheme's own.
    package var origin: String { "\(scheme.rawValue)://\(authority)" }

    /// Host and port as a Host field has them.
    package var authority: String {
        port == (scheme == .http ? 80 : 443) ? host : "\(host):\(port)"
    }

    /// Path and query as a request line has them.
    package var target: String { query.map { "\(path)?\($0)" } ?? path }

    package var description: String { origin + target }

    /// What may be logged: the query, which often carries a token, is left out.
    package var redacted: String { query == nil ? description : "\(origin)\(path)?…" }

    /// The last segment of the path, perhaps empty.
    package var lastSegment: Substring {
        path.lastIndex(of: "/").map { path[$0...].dropFirst() } ?? path[...]
    }

    // MARK: - Derived URLs

    /// The URL of `target` (path and query, as a request line has them) below this one.
    package func appending(target: String) throws(Flaw) -> OriginURL {
        let base = path.hasSuffix("/") ? String(path.dropLast()) : path
        return try OriginURL(origin + base + (target.hasPrefix("/") ? target : "/" + target))
    }

    /// Resolves a Location field (RFC 3986 section 5.2).
    package func resolving(_ reference: String) throws(Flaw) -> OriginURL {
        let bare = reference.prefix { $0 != "#" }
        if let colon = bare.firstIndex(of: ":"),
            bare[..<colon].utf8.allSatisfy({ 0x61...0x7A ~= $0 | 0x20 }), colon != bare.startIndex
        {
            return try OriginURL(Self.removingDots(ofURL: bare))
        }
        if bare.hasPrefix("//") {
            return try OriginURL(Self.removingDots(ofURL: "\(scheme.rawValue):\(bare)"))
        }
        if bare.isEmpty { return self }
        if bare.hasPrefix("?") { return try OriginURL(origin + path + bare) }
        let referencePath = bare.prefix { $0 != "?" }
        let referenceQuery = bare[referencePath.endIndex...]
        let folder = path[...(path.lastIndex(of: "/") ?? path.startIndex)]
        let merged = String(referencePath.hasPrefix("/") ? referencePath : folder + referencePath)
        return try OriginURL(origin + Self.removingDots(merged) + referenceQuery)
    }

    /// The same of an absolute URL; one without a path, or that is none, stays as it is.
    private static func removingDots(ofURL text: Substring) -> String {
        let slashes = text.prefix { $0 != "/" }.endIndex
        let authority = text[slashes...].dropFirst(2).prefix { $0 != "/" && $0 != "?" }
        let path = text[authority.endIndex...].prefix { $0 != "?" }
        guard path.hasPrefix("/") else { return String(text) }
        return text[..<path.startIndex] + removingDots(String(path)) + text[path.endIndex...]
    }

    /// RFC 3986 section 5.2.4.
    private static func removingDots(_ path: String) -> String {
        var kept: [Substring] = []
        let segments = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (number, segment) in segments.enumerated() {
            let isLast = number == segments.count - 1
            switch segment {
            case ".": if isLast { kept.append("") }
            case "..":
                _ = kept.popLast()
                if isLast { kept.append("") }
            default: kept.append(segment)
            }
        }
        return "/" + kept.joined(separator: "/")
    }
}

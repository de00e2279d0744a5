package import HTTPTypes

/// Header fields that a person gives for an origin, checked before anything is sent.
package enum RequestFields {
    package enum Flaw: Error, Hashable, Sendable, CustomStringConvertible {
        case invalidName(String)
        case invalidValue(String)
        /// Platter sets it itself, or it belongs to one connection only.
        case reserved(String)

        package var description: String {
            switch self {
            case .invalidName(let name): "\(name.debugDescription) is not a header name"
            case .invalidValue(let name): "the value of \(name) has a character that is not allowed"
            case .reserved(let name): "\(name) is set by Platter itself; leave it out"
            }
        }
    }

    private static let reserved: Set<String> = [
        "accept-encoding", "connection", "content-length", "expect", "host", "if-match",
        "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
        "proxy-connection", "range", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    /// - Throws: The first flaw.
    package static func parse(_ pairs: [(String, String)]) throws(Flaw) -> HTTPFields {
        var fields = HTTPFields()
        for (text, value) in pairs {
            guard let name = HTTPField.Name(text) else { throw .invalidName(text) }
            if reserved.contains(name.canonicalName) { throw .reserved(text) }
            guard HTTPField.isValidValue(value) else { throw .invalidValue(text) }
            fields.append(HTTPField(name: name, value: value))
        }
        return fields
    }
}

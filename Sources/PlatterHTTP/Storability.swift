package import HTTPTypes

/// Whether a response may be kept for all clients (RFC 9111 section 3).
///
/// Until responses can be revalidated, one that would have to be before every use is not kept.
package enum Storability: Hashable, Sendable {
    case store
    case bypass(Reason)

    package enum Reason: String, Hashable, Sendable, CustomStringConvertible {
        case noStore = "no-store"
        case `private` = "private"
        case noCache = "no-cache"
        case notFresh = "no-lifetime"
        case authorized = "authorization"
        case varies = "vary"
        case contentCoded = "content-coding"
        case document = "document"
        case playlist = "playlist"

        /// Whether it is the origin's word on who may keep the response. The others are judged once, by what the first
        /// answer says: lifetimes and types come and go from one server of an origin to the next.
        package var isOfOrigin: Bool {
            switch self {
            case .noStore, .private, .noCache, .varies: true
            case .notFresh, .authorized, .contentCoded, .document, .playlist: false
            }
        }

        /// A token, fit for the detail of a Cache-Status.
        package var description: String { rawValue }
    }

    /// Request fields that may select the response without harm: we always ask for the identity
    /// coding, answer for other origins per request, and the last two occur in OPTIONS only.
    private static let harmlessSelectors: Set<String> = [
        "accept-encoding", "origin", "access-control-request-headers",
        "access-control-request-method",
    ]

    /// - Parameter fields: Of a final 200 or 206.
    package static func decide(requestHasAuthorization: Bool, fields: HTTPFields) -> Storability {
        let control = CacheControl.parse(fields[values: .cacheControl])
        let lifetime = control.sharedLifetime
        if control.contains("no-store") { return .bypass(.noStore) }
        if control.containsUnqualified("private") { return .bypass(.private) }
        if control.containsUnqualified("no-cache") { return .bypass(.noCache) }
        if lifetime == 0 { return .bypass(.notFresh) }
        if requestHasAuthorization, !isShareable(control) { return .bypass(.authorized) }
        if varies(fields) { return .bypass(.varies) }
        if !fields.areUncoded { return .bypass(.contentCoded) }
        if lifetime == nil, let type = fields.mediaType {
            if type.isPlaylist { return .bypass(.playlist) }
            if type.isDocument { return .bypass(.document) }
        }
        return .store
    }

    /// Whether the answer to an authorised request may be given to others (RFC 9111 section 3.5).
    private static func isShareable(_ control: CacheControl) -> Bool {
        ["public", "s-maxage", "must-revalidate"].contains { control.contains($0) }
    }

    /// Whether the response was selected by more than its URL (RFC 9110 section 12.5.5). `*` and
    /// anything unreadable count as such.
    private static func varies(_ fields: HTTPFields) -> Bool {
        fields[values: .vary].contains { line in
            FieldSyntax.bytes(line).split(separator: FieldSyntax.comma).contains { member in
                let name = FieldSyntax.trimmed(member)
                return !name.isEmpty
                    && !harmlessSelectors.contains(FieldSyntax.lowercased(name))
            }
        }
    }
}

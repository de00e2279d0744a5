package import HTTPTypes
package import PlatterCore
package import PlatterHTTP

/// What a request names: where its bytes come from, what is sent to get them, and the key under which
/// they are kept.
package struct Resource: Hashable, Sendable {
    package let key: CacheKey
    package let url: OriginURL
    /// Sent with every request to the origin.
    package let fields: HTTPFields

    package init(key: CacheKey, url: OriginURL, fields: HTTPFields = [:]) {
        self.key = key
        self.url = url
        self.fields = fields
    }

    package var origin: OriginID { OriginID(url.origin) }
}

package import PlatterCore

extension CacheKey {
    /// The URL of a key, without what may be secret in it. For people: they know an object by that.
    package var redactedURL: String {
        // A key ends with a fingerprint where fields select the object; its first word is the URL.
        let text = text.prefix { $0 != " " }
        return (try? OriginURL(String(text)))?.redacted ?? String(text.prefix { $0 != "?" })
    }
}

import HTTPTypes
import NIOHTTP1
import PlatterCache
import PlatterCore
import PlatterHTTP

/// What a player asks, taken out of the head of its request.
struct PlayerRequest {
    enum Flaw: Error, Hashable {
        /// 400.
        case malformed
        /// 405.
        case methodNotAllowed
        /// 404.
        case unknown
    }

    let method: HTTPRequest.Method
    let resource: Resource
    let fields: HTTPFields
    /// Only of a GET: Range is defined for no other method (RFC 9110 section 14.2).
    let range: RangeField
    let client: ClientID
    let isKeepAlive: Bool
    let isHTTP10: Bool

    /// The resource with the client's credentials, and with the version on which its range depends, for
    /// a request that is passed on.
    var passedResource: Resource {
        var passed = resource.fields
        if let authorization = fields[.authorization] { passed[.authorization] = authorization }
        if let ifRange = fields[.ifRange], passedRange != nil { passed[.ifRange] = ifRange }
        return Resource(key: resource.key, url: resource.url, fields: passed)
    }

    /// The range to pass on: one alone. All of it may always be answered instead (RFC 9110 section
    /// 14.2).
    var passedRange: AskedRange? {
        guard case .set(let specs) = range, specs.count == 1,
            specs.first != .suffix(0)
        else { return nil }
        return range.firstFetch
    }

    /// Whether the answer depends on the version that there is (RFC 9110 section 13.1).
    var isConditional: Bool {
        let conditions: [HTTPField.Name] = [
            .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange,
        ]
        return conditions.contains { fields.contains($0) }
    }

    var isHead: Bool { method == .head }
    var hasCredentials: Bool { fields[.authorization] != nil }

    init(_ head: HTTPRequestHead, address: String, routes: Routes) throws(Flaw) {
        try self.init(head, address: address, route: routes.route(head.uri))
    }

    /// - Parameters:
    ///   - address: Of the player.
    ///   - route: What the target names.
    init(_ head: HTTPRequestHead, address: String, route: Routes.Route) throws(Flaw) {
        let hosts = head.headers["host"].count
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else { throw .malformed }
        guard head.method == .GET || head.method == .HEAD else { throw .methodNotAllowed }
        switch route {
        case .resource(let resource): self.resource = resource
        case .unknown: throw .unknown
        case .malformed: throw .malformed
        }
        var fields = HTTPFields()
        for (name, value) in head.headers {
            if let name = HTTPField.Name(name) {
                fields.append(HTTPField(name: name, value: value))
            }
        }
        self.fields = fields
        method = head.method == .GET ? .get : .head
        range = method == .get ? RangeField.parse(head.headers["range"]) : .absent
        client = ClientID("\(address) \(fields[.userAgent] ?? "")")
        let isOld = head.version == .http1_0
        // HTTP/1.0 would have to be told that the connection stays open.
        isKeepAlive = head.isKeepAlive && !isOld
        isHTTP10 = isOld
    }
}

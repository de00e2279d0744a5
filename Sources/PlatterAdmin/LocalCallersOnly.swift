import HTTPTypes
import Hummingbird

/// Keeps web pages away: a browser sends `Origin` with what a page of another site posts, and a page
/// that resolves its own name to this machine still sends that name as the host.
struct LocalCallersOnly<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority ?? ""
        guard Self.isAddress(host) else {
            throw HTTPError(
                .forbidden, message: "ask for the admin interface by its address, not by a name")
        }
        if let origin = request.headers[.origin], origin != "http://\(host)" {
            throw HTTPError(.forbidden, message: "other sites may not use the admin interface")
        }
        if request.method != .get, request.method != .head {
            let type = request.headers[.contentType] ?? ""
            guard type.lowercased().hasPrefix("application/json") else {
                throw HTTPError(.unsupportedMediaType, message: "send application/json")
            }
        }
        return try await next(request, context)
    }

    /// Numbers and `localhost` cannot be made to point elsewhere.
    private static func isAddress(_ authority: String) -> Bool {
        if authority.hasPrefix("[") { return true }
        let host = authority.prefix { $0 != ":" }
        return host.lowercased() == "localhost"
            || (!host.isEmpty
                && host.utf8.allSatisfy { 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") })
    }
}

import Hummingbird
import PlatterStore

/// An index that cannot be asked now is no fault of the program: who asks is told what is wrong.
struct IndexFailures<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as IndexError {
            throw HTTPError(.serviceUnavailable, message: error.explanation)
        }
    }
}

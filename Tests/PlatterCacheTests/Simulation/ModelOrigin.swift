import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin

/// An origin that answers when it is told to.
final class ModelOrigin: Origin {
    private struct State {
        var calls: [Call] = []
        var next = 1
        var isDead = false
    }

    private let state = NIOLockedValueBox(State())
    private let told = NIOLockedValueBox<[String]>([])

    /// What its readers said of how bodies came.
    var reports: [String] { told.withLockedValue { $0 } }

    /// The calls that are not over.
    var calls: [Call] {
        state.withLockedValue { state in
            state.calls.removeAll { $0.isOver }
            return state.calls
        }
    }

    /// All calls break off, now and from now on.
    func die() {
        let calls = state.withLockedValue { state in
            state.isDead = true
            return state.calls
        }
        for call in calls { call.cancel() }
    }

    func fetch(_ request: OriginRequest) async throws(OriginError) -> OriginResponse {
        let call: Call? = state.withLockedValue { state in
            guard !state.isDead else { return nil }
            let call = Call(number: state.next, request: request) { [told] ending in
                let word =
                    switch ending {
                    case .delivered: "delivered"
                    case .brokeOff: "broke off"
                    }
                told.withLockedValue { $0.append(word) }
            }
            state.next += 1
            state.calls.append(call)
            return call
        }
        guard let call else { throw .cancelled }
        return try await call.head().get()
    }
}

/// One request to the origin, and the response as it comes.
final class Call: Sendable {
    typealias Head = Result<OriginResponse, OriginError>
    typealias Piece = Result<ByteBuffer?, any Error>

    private struct State {
        var head: CheckedContinuation<Head, Never>?
        var next: CheckedContinuation<Piece, Never>?
        var isAnswered = false
        var isOver = false
        var isCancelled = false
    }

    /// What the body still brings: (version, bytes), and whether it then breaks off.
    struct Body: Sendable {
        let version: Version?
        var rest: ByteRange
        let breaks: Bool
    }

    let number: Int
    let request: OriginRequest
    let body = NIOLockedValueBox<Body?>(nil)
    private let state = NIOLockedValueBox(State())
    private let report: @Sendable (BodyReport.Ending) -> Void

    init(
        number: Int, request: OriginRequest,
        report: @escaping @Sendable (BodyReport.Ending) -> Void
    ) {
        self.report = report
        self.number = number
        self.request = request
    }

    var isOver: Bool { state.withLockedValue { $0.isOver } }
    var isAnswered: Bool { state.withLockedValue { $0.isAnswered } }
    /// Somebody waits for the head or for the next piece.
    var isAwaited: Bool {
        state.withLockedValue { !$0.isOver && ($0.head != nil || $0.next != nil) }
    }

    fileprivate func head() async -> Head {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLockedValue { state in
                    if !state.isCancelled { state.head = continuation }
                    return state.isCancelled
                }
                if isCancelled { continuation.resume(returning: .failure(.cancelled)) }
            }
        } onCancel: {
            cancel()
        }
    }

    fileprivate func next() async throws -> ByteBuffer? {
        let piece: Piece = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLockedValue { state in
                    if !state.isCancelled { state.next = continuation }
                    return state.isCancelled
                }
                if isCancelled {
                    continuation.resume(returning: .failure(CancellationError()))
                }
            }
        } onCancel: {
            cancel()
        }
        return try piece.get()
    }

    func cancel() {
        let (head, next) = state.withLockedValue { state in
            defer { (state.head, state.next) = (nil, nil) }
            state.isCancelled = true
            state.isOver = true
            return (state.head, state.next)
        }
        head?.resume(returning: .failure(.cancelled))
        next?.resume(returning: .failure(CancellationError()))
    }

    // MARK: - What the world does

    func refuse(_ error: OriginError) {
        let head = state.withLockedValue { state in
            defer { state.head = nil }
            state.isOver = true
            return state.head
        }
        head?.resume(returning: .failure(error))
    }

    func answer(_ status: Int, _ fields: HTTPFields, _ body: Body) {
        self.body.withLockedValue { $0 = body }
        let head = state.withLockedValue { state in
            defer { state.head = nil }
            state.isAnswered = true
            return state.head
        }
        let pieces = Pieces(handle: Handle(self))
        head?.resume(
            returning: .success(
                OriginResponse(status: status, fields: fields, body: pieces, report: report)))
    }

    /// - Parameter piece: nil: the body is over.
    func deliver(_ piece: Piece) {
        let isLast = (try? piece.get()) == nil
        let next = state.withLockedValue { state in
            defer { state.next = nil }
            if isLast { state.isOver = true }
            return state.next
        }
        next?.resume(returning: piece)
    }

    /// Closes the call when nobody can read it any more.
    fileprivate final class Handle: Sendable {
        let call: Call

        init(_ call: Call) { self.call = call }

        deinit { call.cancel() }
    }

    fileprivate struct Pieces: AsyncSequence, Sendable {
        let handle: Handle

        struct AsyncIterator: AsyncIteratorProtocol {
            let handle: Handle

            mutating func next() async throws -> ByteBuffer? { try await handle.call.next() }
        }

        func makeAsyncIterator() -> AsyncIterator { AsyncIterator(handle: handle) }
    }
}

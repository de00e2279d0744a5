import HTTPTypes
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin
import PlatterStore

@testable import PlatterCache

/// The ways past the store.
extension Player {
    /// The origin's own answer, of whatever version.
    func pass() {
        promise = nil
        heardAt = life.clock.now
        let (bypass, resource, asked, send) = (life.bypass, resource, asked, sender())
        phase = .passing(
            Task(executorPreference: life.executor) {
                do throws(FetchFailure) {
                    let response = try await bypass.response(to: resource, range: asked)
                    send(.head(of: response))
                    for await piece in Pieces(response.body) { send(piece) }
                } catch {
                    send(.passed(error))
                }
            })
    }

    /// The rest of a version that is known.
    func passBytes(of opened: Entry.Opened, _ range: ByteRange) {
        heardAt = life.clock.now
        let (bypass, resource, send) = (life.bypass, resource, sender())
        phase = .passing(
            Task(executorPreference: life.executor) {
                do throws(FetchFailure) {
                    let rest = try await bypass.rest(of: opened, resource: resource, range: range)
                    for await piece in Pieces(rest.response.body, rest.skipping, rest.length) {
                        send(piece)
                    }
                } catch {
                    send(.passed(error))
                }
            })
    }

    private func sender() -> @Sendable (Mailbox.Mail) -> Void {
        let (mailbox, number, round) = (world.mailbox, number, round)
        return { mailbox.send(.init(player: number, round: round, mail: $0)) }
    }

    func passageTold(_ mail: Mailbox.Mail) {
        heardAt = life.clock.now
        switch mail {
        case .head(let status, let version, let range):
            let versions = world.films[film].versions
            guard let version = versions.first(where: { $0.number == version }) else {
                return end(.status(status))
            }
            isHeadSent = true
            promise = Promise(version, range ?? 0..<version.length)
        case .bytes(let buffer):
            isHeadSent = true
            buffer.withUnsafeReadableBytes { take($0, at: promise?.position ?? 0) }
        case .passed(nil): end(promise?.isKept == true ? .complete : .short)
        case .passed(.unreachable): end(isHeadSent ? .short : .unavailable)
        // The origin has another version by now.
        case .passed: if isHeadSent { end(.short) } else { pass() }
        case .wake, .noted: break
        }
    }

    /// Bytes have reached the player.
    func take(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        world.taken += Int64(bytes.count)
        if let flaw = promise?.take(bytes, at: offset) { fault(flaw) }
    }
}

/// What a passage relays of a body, as mail; ends with `.passed`.
struct Pieces: AsyncSequence, Sendable {
    private let body: any AsyncSequence<ByteBuffer, any Error> & Sendable
    private let skipping: Int64
    private let limit: Int64

    init(
        _ body: any AsyncSequence<ByteBuffer, any Error> & Sendable, _ skipping: Int64 = 0,
        _ limit: Int64 = .max
    ) {
        self.body = body
        self.skipping = skipping
        self.limit = limit
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var body: any AsyncIteratorProtocol<ByteBuffer, any Error>
        var toSkip: Int64
        var rest: Int64
        var isOver = false

        mutating func next() async -> Mailbox.Mail? {
            while !isOver {
                do {
                    guard rest > 0, var buffer = try await body.next() else {
                        isOver = true
                        return .passed(nil)
                    }
                    let skipped = Swift.min(toSkip, Int64(buffer.readableBytes))
                    buffer.moveReaderIndex(forwardBy: Int(skipped))
                    toSkip -= skipped
                    let length = Int(Swift.min(rest, Int64(buffer.readableBytes)))
                    rest -= Int64(length)
                    if length > 0, let slice = buffer.readSlice(length: length) {
                        return .bytes(slice)
                    }
                } catch {
                    isOver = true
                    return .passed(.unreachable)
                }
            }
            return nil
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(body: body.makeAsyncIterator(), toSkip: skipping, rest: limit)
    }
}

extension Mailbox.Mail {
    static func head(of response: Bypass.Response) -> Self {
        let version = response.fields[ModelOrigin.versionField].flatMap { Int($0) }
        let range = response.fields[.contentRange].flatMap { ContentRange.parse($0) }
        let body: ByteRange? = if case .range(let body, _)? = range { body } else { nil }
        return .head(status: response.status, version: version, range: body)
    }
}

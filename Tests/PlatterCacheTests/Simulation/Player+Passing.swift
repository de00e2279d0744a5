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
        pass(.answer(of: resource, range: asked, deadline: headDeadline))
    }

    /// All or the rest of a version that is known.
    func passBytes(of opened: Entry.Opened, _ range: ByteRange) {
        let waits = life.readers.waits
        pass(
            .bytes(
                range, of: opened, resource: resource, isHeadSent: isHeadSent,
                deadline: isHeadSent ? life.clock.now.advanced(by: waits.body) : headDeadline))
    }

    private var headDeadline: Moment {
        max(
            begun.advanced(by: life.readers.waits.head),
            life.clock.now.advanced(by: .seconds(3)))
    }

    private func pass(_ request: Bypass.Request) {
        let (bypass, send) = (life.bypass, sender())
        let isOwn = request.promise == nil
        let receiver = Bypass.Receiver { answer in
            if isOwn { send(.head(of: answer)) }
            return true
        } bytes: {
            send(.bytes($0))
        }
        phase = .passing(
            Task(executorPreference: life.executor) {
                send(.passed(await bypass.pass(request, to: receiver)))
            })
    }

    private func sender() -> @Sendable (Mailbox.Mail) -> Void {
        let (mailbox, number, round) = (world.mailbox, number, round)
        return { mailbox.send(.init(player: number, round: round, mail: $0)) }
    }

    func passageTold(_ mail: Mailbox.Mail) {
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
        case .passed(.complete): end(promise?.isKept == true ? .complete : .short)
        case .passed(.short): end(.short)
        case .passed(.unavailable), .passed(.crowded), .passed(.badCertificate):
            end(.unavailable)
        case .passed(.failed(let status, _)): end(.status(status))
        case .passed(.invalid): end(.status(502))
        // The origin has another version by now.
        case .passed(.refused): pass()
        case .wake, .noted: break
        }
    }

    /// Bytes have reached the player.
    func take(_ bytes: UnsafeRawBufferPointer, at offset: Int64) {
        world.taken += Int64(bytes.count)
        if let flaw = promise?.take(bytes, at: offset) { fault(flaw) }
    }
}

extension Mailbox.Mail {
    static func head(of response: Bypass.Answer) -> Self {
        let version = response.fields[ModelOrigin.versionField].flatMap { Int($0) }
        let range = response.fields[.contentRange].flatMap { ContentRange.parse($0) }
        let body: ByteRange? = if case .range(let body, _)? = range { body } else { nil }
        return .head(status: response.status, version: version, range: body)
    }
}

import HTTPTypes
import Logging
import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterHTTP
import PlatterOrigin

@testable import PlatterCache

/// The way past the store over an origin, a clock and threads that do what they are told.
final class PassageStage {
    /// One passage, and what it has handed on.
    final class Player: Sendable {
        struct State {
            var status: Int?
            var bytes: [UInt8] = []
            var ending: Bypass.Ending?
            var task: Task<Void, Never>?
        }

        let path: String
        let state = NIOLockedValueBox(State())

        init(path: String) { self.path = path }

        var status: Int? { state.withLockedValue { $0.status } }
        var bytes: [UInt8] { state.withLockedValue { $0.bytes } }
        var ending: Bypass.Ending? { state.withLockedValue { $0.ending } }

        func leave() { state.withLockedValue { $0.task }?.cancel() }
    }

    static let length: Int64 = 1 << 20

    let clock = HandClock(now: .start)
    let executor = HandExecutor()
    let origin = ModelOrigin()
    let queue: FetchDispatcher
    let gate: PassageGate
    let bandwidth: BandwidthGate
    let bypass: Bypass

    /// - Parameter cellar: What is stored, if that matters.
    init(
        limits: PassageSlots.Limits = .init(), bandwidth limit: Int64? = nil, cellar: Cellar? = nil
    ) {
        queue = FetchDispatcher(
            limits: .init(), clock: clock, loop: clock, pilot: IdlePilot(), jitter: { 0 })
        gate = PassageGate(limits: limits)
        bandwidth = BandwidthGate(BandwidthLimit(bytesPerSecond: limit), clock: clock)
        bypass = Bypass(
            origin: origin, queue: queue, gate: gate, bandwidth: bandwidth, clock: clock,
            wallClock: { 1_700_000_000 }, loop: clock,
            succession: cellar.map { [clock] in
                Succession(
                    table: $0.table, index: $0.index, clock: clock, wallClock: { Cellar.now },
                    delay: { _ = clock.add(after: $0, $1) }, log: Logger(label: "test"))
            }, log: Logger(label: "test"))
    }

    // MARK: - Players

    /// Somebody asks for a film, or for a part of it.
    func enters(
        _ path: String, at host: String = "a.example", range: AskedRange? = nil
    ) throws -> Player {
        enters(.answer(of: try resource(path, at: host), range: range, deadline: deadline))
    }

    /// Somebody has had the first bytes of a version from the store, and wants the rest.
    func goesOn(_ path: String, with opened: Entry.Opened, from position: Int64) throws -> Player {
        enters(
            .bytes(
                position..<opened.completeLength, of: opened, resource: try resource(path),
                isHeadSent: true, deadline: deadline))
    }

    /// Somebody wants to know what there is of a film at a position.
    func wonders(_ path: String, at position: Int64) throws -> Player {
        enters(.question(of: try resource(path), at: position, deadline: deadline))
    }

    func resource(_ path: String, at host: String = "a.example") throws -> Resource {
        Resource(try OriginURL("http://\(host)\(path)"), fields: [:])
    }

    private var deadline: Moment { clock.now.advanced(by: WaitDeadlines.Settings().head) }

    private func enters(_ request: Bypass.Request) -> Player {
        let player = Player(path: request.resource.url.path)
        let receiver = Bypass.Receiver { answer in
            player.state.withLockedValue { $0.status = answer.status }
            return true
        } bytes: { buffer in
            player.state.withLockedValue { $0.bytes += Array(buffer.readableBytesView) }
        }
        let task = Task(executorPreference: executor) { [bypass] in
            let ending = await bypass.pass(request, to: receiver)
            player.state.withLockedValue { $0.ending = ending }
        }
        player.state.withLockedValue { $0.task = task }
        turn()
        return player
    }

    // MARK: - Time

    /// All that can be done now is done.
    func turn() {
        repeat {
            while executor.count > 0 { executor.run { _ in 0 } }
        } while clock.fire()
    }

    func passes(_ duration: Duration) {
        let end = clock.now.advanced(by: duration)
        while let due = clock.due, due <= end {
            clock.advance(to: due)
            turn()
        }
        clock.advance(to: end)
        turn()
    }

    // MARK: - The origin

    /// The paths that it is being asked for.
    var asked: [String] { origin.calls.map(\.request.url.path) }

    func call(_ path: String) -> Call? {
        origin.calls.first { $0.request.url.path == path }
    }

    /// A good head.
    func answers(_ call: Call?, tag: String = "\"v1\"") {
        guard let call else { return }
        var fields: HTTPFields = [:]
        fields[.eTag] = tag
        fields[.contentType] = "video/mp4"
        var status = 200
        if case .from(let first, _)? = call.request.range {
            fields[.contentRange] = "bytes \(first)-\(Self.length - 1)/\(Self.length)"
            status = 206
        } else {
            fields[.contentLength] = "\(Self.length)"
        }
        answers(call, status, fields)
    }

    func answers(_ call: Call?, _ status: Int, _ fields: HTTPFields = [:]) {
        call?.answer(status, fields, .init(version: nil, rest: 0..<0, breaks: false))
        turn()
    }

    func sends(_ call: Call?, _ count: Int) {
        call?.deliver(.success(ByteBuffer(repeating: 7, count: count)))
        turn()
    }

    func ends(_ call: Call?) {
        call?.deliver(.success(nil))
        turn()
    }

    func breaks(_ call: Call?) {
        call?.deliver(.failure(OriginError.unreachable))
        turn()
    }
}

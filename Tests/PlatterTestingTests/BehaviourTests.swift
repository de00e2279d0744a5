import PlatterTesting
import Testing

@Suite("When an origin has its vices")
struct BehaviourTests {
    private let get = OriginRequest(target: "/a")

    @Test("a vice for two requests is gone at the third")
    func times() {
        var behaviour = Behaviour(.ignoresRange, times: 2)
        let vices = (0..<3).map { _ in behaviour.consider(get, start: 0) }
        #expect(vices == [.ignoresRange, .ignoresRange, nil])
        #expect(behaviour.isOver)
    }

    @Test("a vice for later ranges lets earlier ones through, uncounted")
    func startingAt() {
        var behaviour = Behaviour(.ignoresRange, times: 1, startingAt: 100)
        #expect(behaviour.consider(get, start: 99) == nil)
        #expect(behaviour.consider(get, start: 100) == .ignoresRange)
    }

    @Test("a vice for new connections spares the second request")
    func newConnection() {
        var behaviour = Behaviour(.ignoresRange, onlyOnNewConnection: true)
        var second = get
        second.isFirstOnConnection = false
        #expect(behaviour.consider(second, start: 0) == nil)
        #expect(behaviour.consider(get, start: 0) == .ignoresRange)
    }

    @Test("a refusal of HEAD is not used up by GET")
    func head() {
        var behaviour = Behaviour(.refusesHead(405), times: 1)
        #expect(behaviour.consider(get, start: 0) == nil)
        #expect(!behaviour.isOver)
    }

    @Test("the version changes after every two requests")
    func changing() {
        var behaviour = Behaviour(.validator(.changing(every: 2)))
        let vices = (0..<5).map { _ in behaviour.consider(get, start: 0) }
        #expect(vices == [0, 0, 1, 1, 2].map { .validator(.version($0, bytes: false)) })
    }

    @Test("two versions go back and forth")
    func flapping() {
        var behaviour = Behaviour(.validator(.changing(every: 1, versions: 2, bytes: true)))
        let vices = (0..<4).map { _ in behaviour.consider(get, start: 0) }
        #expect(vices == [0, 1, 0, 1].map { .validator(.version($0, bytes: true)) })
    }
}

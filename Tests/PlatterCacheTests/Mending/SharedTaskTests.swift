import Testing

@testable import PlatterCache

@Suite("Work that is done once for all")
struct SharedTaskTests {
    @Test("it is done where it may block, whoever asked for it")
    func executor() async {
        let executor = HandExecutor()
        let shared = SharedTask<Int>(on: executor)
        let answer = Task { await shared.run { 7 } }
        #expect(executor.await())
        while executor.count > 0 { executor.run { _ in 0 } }
        #expect(await answer.value == 7)
    }
}

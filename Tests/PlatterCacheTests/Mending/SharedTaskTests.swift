import NIOConcurrencyHelpers
import Testing

@testable import PlatterCache

@Suite("Work that is done once for all")
struct SharedTaskTests {
    @Test("it is done where it may block, whoever asked for it")
    func executor() async {
        let executor = HandExecutor()
        let shared = SharedTask<Int>(on: executor)
        let isTurning = NIOLockedValueBox(false)
        let answer = NIOLockedValueBox<Int?>(nil)
        Task {
            let value = await shared.run { isTurning.withLockedValue { $0 } ? 7 : 0 }
            answer.withLockedValue { $0 = value }
        }
        while answer.withLockedValue({ $0 }) == nil {
            isTurning.withLockedValue { $0 = true }
            executor.run { _ in 0 }
            isTurning.withLockedValue { $0 = false }
            await Task.yield()
        }
        #expect(answer.withLockedValue { $0 } == 7)
    }
}

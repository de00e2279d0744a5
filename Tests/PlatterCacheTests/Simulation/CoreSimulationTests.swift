import Foundation
import NIOConcurrencyHelpers
import Testing

@testable import PlatterCache

extension CoreWorld {
    /// - Returns: What is wrong, nil when nothing is.
    static func run(
        seed: UInt64, isTracing: Bool = false, woes: Woes? = nil
    ) throws -> String? {
        let world = try CoreWorld(seed: seed, isTracing: isTracing, woes: woes)
        for _ in 0..<(40 + world.random.below(120)) where world.flaw == nil { world.step() }
        world.calmDown()
        if isTracing { print(world.trace.lines.joined(separator: "\n")) }
        world.report()
        return world.flaw.map { "seed \(seed): \($0)" }
    }
}

/// What all worlds together have met, for people.
let tally = NIOLockedValueBox<[String: Int]>([:])

extension CoreWorld {
    func report() {
        tally.withLockedValue { tally in
            tally.merge(counts) { $0 + $1 }
            tally["seeds", default: 0] += 1
            tally["events", default: 0] += events
            tally["bytes taken", default: 0] += Int(taken)
            tally["bytes sent", default: 0] += Int(sent)
            tally["bytes wasted", default: 0] += Int(wasted)
            tally["players", default: 0] += nextPlayer - 1
        }
    }
}

@Suite("The whole cache in a simulated world")
struct CoreSimulationTests {
    static let blocks = 4
    /// A block ends with its n-th flaw: more tell nothing new.
    static let mostFlaws = 5

    @Test("no seed shows a flaw", arguments: 0..<blocks)
    func seeds(block: Int) async throws {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["PLATTER_CORE_SEED"].flatMap({ UInt64($0) }) {
            guard block == 0 else { return }
            let flaw = try await onThread { try CoreWorld.run(seed: seed, isTracing: true) }
            #expect(flaw == nil)
            return
        }
        let first = environment["PLATTER_CORE_FIRST"].flatMap { UInt64($0) } ?? 0
        let count = environment["PLATTER_CORE_SEEDS"].flatMap { UInt64($0) } ?? 250
        var flaws = 0
        for seed in stride(from: first + UInt64(block), to: first + count, by: Self.blocks) {
            let flaw = try await onThread { try CoreWorld.run(seed: seed) }
            #expect(flaw == nil)
            if flaw != nil { flaws += 1 }
            if flaws == Self.mostFlaws { return }
        }
        if count > 250 { print(tally.withLockedValue { $0 }.sorted { $0.key < $1.key }) }
    }

    /// In the order of what they showed: a reader whose demand was of another entry object and that
    /// was woken for ever; bytes that somebody changed before they were in the index; entries of which
    /// nobody wanted anything and whose files stayed open; what somebody wanted kept, evicted; bytes
    /// fetched again while they were being recorded; an object passed by because of an answer that came
    /// second; a file that stayed open when somebody had deleted its entry and it took no bytes.
    @Test(
        "seeds that once showed a flaw stay sound",
        arguments: [593, 159, 465, 479, 33522, 53647, 99518, 900299] as [UInt64])
    func formerFlaws(seed: UInt64) async throws {
        let flaw = try await onThread { try CoreWorld.run(seed: seed) }
        #expect(flaw == nil)
    }

    @Test(
        "where no holes can be punched the files together keep within the limit", arguments: 0..<4)
    func withoutHoles(block: Int) async throws {
        for seed in stride(from: 5 * UInt64(block) + 1, to: 400, by: 20) {
            let flaw = try await onThread {
                try CoreWorld.run(seed: seed, woes: [.origins, .versions, .restarts, .eviction])
            }
            #expect(flaw == nil)
        }
    }

    @Test("the worlds together meet every kind of trouble")
    func isNotIdle() async throws {
        let met = try await onThread {
            try (UInt64(0)..<250).reduce(into: Set<String>()) { met, seed in
                let world = try CoreWorld(seed: seed)
                for _ in 0..<100 where world.flaw == nil { world.step() }
                world.calmDown()
                met.formUnion(world.counts.keys)
            }
        }
        let all: Set = [
            "disk faults", "index damage", "kills", "lost writes", "misbehaviour", "old indexes",
            "power cuts", "rooms without holes", "rows deleted", "tampering",
        ]
        #expect(met.isSuperset(of: all))
    }
}

/// The world waits for the index's writer, which no thread of Swift's pool may do.
private func onThread<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let thread = Thread { continuation.resume(with: Result { try body() }) }
        thread.stackSize = 8 << 20
        thread.start()
    }
}

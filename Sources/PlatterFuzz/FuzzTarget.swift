/// A parser under test: what one execution does.
struct FuzzTarget: Sendable {
    typealias Execution = (inout FuzzInput) async throws -> Void

    let name: String
    /// Its part of all executions; slow ones have a small one.
    let weight: Int
    /// Makes what all executions of a process share, and the execution.
    let prepare: @Sendable () async throws -> Execution

    init(
        _ name: String, weight: Int = 1000,
        prepare: @escaping @Sendable () async throws -> Execution
    ) {
        self.name = name
        self.weight = weight
        self.prepare = prepare
    }

    /// For those that share nothing.
    init(
        _ name: String, weight: Int = 1000,
        _ execution: @escaping @Sendable (inout FuzzInput) throws -> Void
    ) {
        self.init(name, weight: weight) { execution }
    }

    static let all: [FuzzTarget] =
        arithmetic + fieldTargets + originTargets + storeTargets + edgeTargets
}

/// A result that breaks a promise of its parser.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// - Parameter what: The promise, and the input.
func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Violation(description: what()) }
}

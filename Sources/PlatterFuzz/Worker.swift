import ArgumentParser

/// Runs executions of one target, in the process that may die of one.
struct Worker {
    let target: FuzzTarget
    let seed: UInt64
    let executions: Range<UInt64>
    /// 0 is no limit.
    let seconds: Int

    /// - Throws: Ends the process with a failure after the first broken promise.
    func run(progress: ProgressPage) async throws {
        let execute: FuzzTarget.Execution
        do {
            execute = try await target.prepare()
        } catch {
            progress.say("cannot begin: \(error)")
            throw ExitCode.failure
        }
        let clock = ContinuousClock()
        let begun = clock.now
        var last = begun
        for number in executions {
            progress.begin(number)
            var input = FuzzInput(seed: seed, target: target.name, execution: number)
            do {
                try await execute(&input)
            } catch {
                progress.say("broken: \(error)")
                throw ExitCode.failure
            }
            let now = clock.now
            progress.end(number, took: last.duration(to: now))
            last = now
            if seconds > 0, begun.duration(to: now) >= .seconds(seconds) { return }
        }
    }
}

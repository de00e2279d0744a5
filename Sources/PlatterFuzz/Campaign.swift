import Foundation
import PlatterCore

/// All targets one after the other, each in a process that is watched.
struct Campaign {
    let targets: [FuzzTarget]
    let seed: UInt64
    let executions: UInt64
    let skip: UInt64
    let seconds: Int

    /// An execution that takes longer hangs [60 s].
    private static let longest = Duration.seconds(60)
    /// After so many findings a target is given up [5].
    private static let findingLimit = 5

    private enum Ending {
        case done
        case broken
        case trapped(Int32)
        case hung
    }

    /// - Returns: Whether no target failed.
    func run() async throws -> Bool {
        let begun = ContinuousClock.now
        var total: UInt64 = 0
        var findings = 0
        for target in targets {
            let (done, found) = try await run(target)
            total += done
            findings += found
        }
        let time = begun.duration(to: .now)
        let verdict = findings == 0 ? "no trap, no broken promise" : "\(findings) findings"
        say(
            "\(total) executions of \(targets.count) targets, \(text(time)), seed \(seed): "
                + verdict)
        return findings == 0
    }

    /// At least one of each.
    private func share(of target: FuzzTarget) -> UInt64 {
        let weights = targets.reduce(0) { $0 + UInt64($1.weight) }
        let (high, low) = executions.multipliedFullWidth(by: UInt64(target.weight))
        return max(1, weights.dividingFullWidth((high, low)).quotient)
    }

    private func run(_ target: FuzzTarget) async throws -> (executions: UInt64, findings: Int) {
        let begun = ContinuousClock.now
        let end = skip + share(of: target)
        var next = skip
        var done: UInt64 = 0
        var findings = 0
        var slowest = ProgressPage.State()
        while next < end, findings < Self.findingLimit {
            let (ending, state) = try await run(target, next..<end)
            done += state.done
            if state.slowestNanoseconds > slowest.slowestNanoseconds { slowest = state }
            if case .done = ending { break }
            findings += 1
            report(target, ending, at: state.current)
            next = state.current + 1
        }
        let time = begun.duration(to: .now)
        let rate = Double(done) / max(0.001, time.inSeconds)
        say(
            "\(target.name): \(done) executions, \(text(time)), \(Int(rate)) a second, slowest "
                + "\(slowest.slowestNanoseconds / 1000) us (number \(slowest.slowest))"
                + (findings == 0 ? "" : ", \(findings) FINDINGS"))
        return (done, findings)
    }

    // MARK: - One process

    private func run(
        _ target: FuzzTarget, _ numbers: Range<UInt64>
    ) async throws -> (Ending, ProgressPage.State) {
        let path = NSTemporaryDirectory() + "/platter-fuzz-\(UUID().uuidString)"
        defer { unlink(path) }
        let page = try ProgressPage(path: path)
        let process = Process()
        process.executableURL = Bundle.main.executableURL
        process.arguments = [
            "--worker", path, "--target", target.name, "--seed", String(seed), "--skip",
            String(numbers.lowerBound), "--executions", String(numbers.count), "--seconds",
            String(seconds),
        ]
        try process.run()
        let isHung = try await watch(process, page)
        process.waitUntilExit()
        if isHung { return (.hung, page.state) }
        if process.terminationReason == .uncaughtSignal {
            return (.trapped(process.terminationStatus), page.state)
        }
        return (process.terminationStatus == 0 ? .done : .broken, page.state)
    }

    /// - Returns: Whether it had to be killed because one execution did not end.
    private func watch(_ process: Process, _ page: ProgressPage) async throws -> Bool {
        var last = page.state.done
        var since = ContinuousClock.now
        while process.isRunning {
            try await Task.sleep(for: .milliseconds(10))
            if page.state.done != last {
                (last, since) = (page.state.done, .now)
            } else if since.duration(to: .now) > Self.longest {
                kill(process.processIdentifier, SIGKILL)
                return true
            }
        }
        return false
    }

    // MARK: - What people see

    private func report(_ target: FuzzTarget, _ ending: Ending, at number: UInt64) {
        let what =
            switch ending {
            case .done: "ended"
            case .broken: "broke a promise"
            case .trapped(let signal): "died of signal \(signal)"
            case .hung: "did not end"
            }
        say("\(target.name) \(what) in execution \(number)")
        say("replay: --target \(target.name) --seed \(seed) --skip \(number) --executions 1")
    }

    private func say(_ text: String) {
        print(text)
        // A pipe is buffered in blocks, and a long run is watched.
        fflush(nil)
    }

    private func text(_ time: Duration) -> String {
        String(format: "%.1f s", time.inSeconds)
    }
}

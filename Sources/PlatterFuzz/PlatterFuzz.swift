/// Feeds every parser that meets the network or the disk with what nobody would send: none may trap,
/// and each must keep its promises. Seeded, so that every finding can be run again alone.

import ArgumentParser

@main
struct PlatterFuzz: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "PlatterFuzz",
        abstract: "Runs every parser on millions of mutated inputs.",
        discussion: """
            Each target runs in a process of its own. When one traps, hangs or breaks a promise, a \
            `replay:` line says how to run that one execution again.
            """)

    @Option(help: "Over all targets, shared out by their weights.")
    var executions: UInt64 = 200_000

    @Option(help: "Other inputs for another seed.")
    var seed: UInt64 = 1

    @Option(help: "Only targets with this in their name; may be repeated.")
    var target: [String] = []

    @Option(help: "Begin with another execution than the first one.")
    var skip: UInt64 = 0

    @Option(help: "End each target after so many seconds. 0 is no limit.")
    var seconds = 0

    @Flag(help: "Name the targets and end.")
    var list = false

    @Option(help: .hidden)
    var worker: String?

    func validate() throws {
        guard executions > 0 else { throw ValidationError("0 executions prove nothing") }
        guard seconds >= 0 else { throw ValidationError("the seconds are not negative") }
        let (_, overflow) = skip.addingReportingOverflow(executions)
        if overflow { throw ValidationError("there is no execution after 2^64") }
        if targets.isEmpty { throw ValidationError("no target is called that; --list names them") }
    }

    /// Every target whose name contains one of those given; the very one where it is a whole name.
    private var targets: [FuzzTarget] {
        if target.isEmpty { return FuzzTarget.all }
        let exact = FuzzTarget.all.filter { target.contains($0.name) }
        if !exact.isEmpty { return exact }
        return FuzzTarget.all.filter { candidate in target.contains { candidate.name.contains($0) }
        }
    }

    func run() async throws {
        if list { return print(targets.map(\.name).joined(separator: "\n")) }
        if let worker {
            guard let target = targets.first else { return }
            let work = Worker(
                target: target, seed: seed, executions: skip..<skip + executions, seconds: seconds)
            return try await work.run(progress: ProgressPage(path: worker))
        }
        let campaign = Campaign(
            targets: targets, seed: seed, executions: executions, skip: skip, seconds: seconds)
        if try await !campaign.run() { throw ExitCode.failure }
    }
}

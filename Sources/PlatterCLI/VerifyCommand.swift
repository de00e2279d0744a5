import ArgumentParser
import Foundation
import PlatterAdmin
import PlatterStore

/// Everything on disk compared with its checksums.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Compare everything on disk with its checksums.",
        discussion: """
            Asks the running daemon; with --cache-dir, does it itself in a folder that no daemon uses. \
            What is found damaged is not played any more: it is compared again before it is served, and \
            fetched again. --repair forgets it at once; an index that is damaged is set \
            aside as index.sqlite.lost, and an empty one takes its place, as when the daemon finds it so.

            Ends with 0 when all is right or was repaired, else with 1.
            """)

    @OptionGroup var admin: AdminOption

    @Option(
        help: ArgumentHelp("Verify this cache folder, without the daemon.", valueName: "dir"))
    var cacheDir: String?

    @Flag(help: "Forget what is damaged.")
    var repair = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let report = try await verify()
        if json {
            print(try JSONText.make(report))
        } else {
            show(report)
        }
        let isLeft = !report.isRepaired || !report.unopened.isEmpty
        if !report.isClean, isLeft { throw ExitCode.failure }
    }

    private func verify() async throws -> AdminMessages.VerificationReport {
        var bar: ProgressBar?
        defer { bar?.end() }
        func show(_ step: AdminMessages.Verification) {
            var shown = bar ?? ProgressBar(name: "verify", start: 0, total: step.total)
            shown.show(step.done)
            bar = shown
        }
        guard let cacheDir else {
            do {
                return try await AdminClient(admin).verify(repairs: repair, progress: show)
            } catch let error as AdminClient.Failure {
                throw CleanExit.failure(error.descriptionWithFolder)
            }
        }
        let folder = try ChosenFolder(cacheDir)
        do {
            return try await VerificationViews.verify(
                folder: cacheDir, repairs: repair, progress: show)
        } catch let error as DiskError {
            throw folder.failure(error)
        } catch let error as IndexError {
            throw folder.failure(error)
        }
    }

    private func show(_ report: AdminMessages.VerificationReport) {
        print(
            "\(report.entries) objects, \(Output.bytes(report.bytes)) in \(report.runs) runs compared"
        )
        for place in report.damaged {
            print(
                "damaged: \(place.url), bytes \(place.start) to \(place.end - 1) (ID \(place.id))")
        }
        for file in report.withoutFile {
            print("damaged: \(file.url), its file: \(file.reason) (ID \(file.id))")
        }
        for file in report.unopened {
            print("not compared: \(file.url), its file: \(file.reason) (ID \(file.id))")
        }
        for fault in report.indexFaults { print("index: \(fault)") }
        if report.isRepaired, !report.indexFaults.isEmpty {
            print("The index was set aside as index.sqlite.lost; an empty one takes its place.")
        }
        print(report.conclusion)
    }
}

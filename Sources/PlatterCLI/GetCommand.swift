import ArgumentParser
import Platter
import PlatterHTTP

/// Downloads through the cache.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Download a URL through the cache; goes on where an earlier try stopped.",
        discussion: """
            Uses the running daemon; where none runs, opens the cache folder itself. Until all of it \
            is there, the bytes are in FILE.part. Where FILE is a symbolic link, it stays one: the file that it \
            leads to is written. Bytes are stored as the origin sends them, also those that it has compressed.
            """)

    @Argument(help: "The remote URL, http or https.")
    var url: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to put it.", valueName: "file"))
    var output: String

    @Option(
        name: [.long, .customShort("H")], parsing: .singleValue,
        help: ArgumentHelp(
            "A header field for the origin; may be repeated.", valueName: "name: value"),
        transform: HeaderArgument.init(parsing:))
    var header: [HeaderArgument] = []

    @OptionGroup var admin: AdminOption
    @OptionGroup var folder: FolderOption

    func run() async throws {
        guard DownloadTarget.isName(output) else {
            throw CleanExit.misuse("name a file with -o; standard output cannot be resumed")
        }
        let place: String
        do {
            place = try DownloadTarget.place(of: output)
        } catch {
            throw CleanExit.failure(error.description)
        }
        do {
            let daemon = AdminClient(admin)
            let local = try await daemon.register(url, headers: header)
            try await download(local, to: place, by: daemon)
        } catch AdminClient.Failure.noDaemon {
            try await downloadAlone(to: place)
        } catch let error as AdminClient.Failure {
            throw CleanExit.failure(error.description)
        }
    }

    private func downloadAlone(to place: String) async throws {
        let configuration = PlatterConfiguration(directory: folder.path)
        do {
            try SettingNames.check(configuration)
        } catch {
            throw CleanExit.misuse(error.description)
        }
        Output.logWarnings()
        do {
            let platter = try await Platter.start(configuration)
            do {
                let headers = header.map { (name: $0.name, value: $0.value) }
                try await download(platter.localURL(for: url, headers: headers), to: place)
            } catch {
                await platter.stop()
                throw error
            }
            await platter.stop()
        } catch let error as PlatterError {
            throw CleanExit.failure(SettingNames.describe(error))
        }
    }

    private func download(
        _ local: String, to place: String, by daemon: AdminClient? = nil
    ) async throws {
        // A URL of Platter's own, which it has made.
        let download = Download(
            url: try OriginURL(local), output: place, name: DownloadTarget.name(of: output),
            daemon: daemon)
        do {
            try await download.run()
        } catch let error as Download.Failure {
            throw CleanExit.failure(error.description)
        } catch let error as DownloadTarget.Flaw {
            throw CleanExit.failure(error.description)
        }
    }
}

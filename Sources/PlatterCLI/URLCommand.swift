import ArgumentParser

/// Registers a URL with the daemon.
struct URLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "url",
        abstract: "Print the local URL under which a player finds a remote one.",
        discussion: """
            The header fields go to the origin with every request and are kept in the daemon's memory \
            only. Relative URLs in a playlist work, too.

              mpv "$(platter url https://cdn.example/film.mkv)"
              platter url https://api.example/live.m3u8 --header 'Authorization: Bearer …'
            """)

    @Argument(help: "The remote URL, http or https.")
    var url: String

    @Option(
        name: [.long, .customShort("H")], parsing: .singleValue,
        help: ArgumentHelp(
            "A header field for the origin; may be repeated.", valueName: "name: value"),
        transform: HeaderArgument.init(parsing:))
    var header: [HeaderArgument] = []

    @OptionGroup var admin: AdminOption

    func run() async throws {
        do {
            print(try await AdminClient(admin).register(url, headers: header))
        } catch let error as AdminClient.Failure {
            throw CleanExit.failure(error.description)
        }
    }
}

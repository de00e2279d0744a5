import ArgumentParser
import PlatterProcess

/// The program `platter`.
@main
struct PlatterCommand: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "platter",
        abstract: "A read-through cache for large media over HTTP.",
        discussion: """
            Platter stands between any player and any HTTP origin. A seek into something never \
            watched starts after one round trip to the origin, nothing is downloaded twice, and what \
            was watched is there again, also when the origin is not.

            A whole media server behind it:
              platter serve --origin https://media.example
              mpv http://127.0.0.1:7777/films/one.mp4

            Any URL, while `platter serve` runs:
              mpv "$(platter url https://cdn.example/film.mkv)"
              platter get https://cdn.example/film.mkv -o film.mkv

            What is on disk:
              platter ls
              platter show 1
              platter verify
            """,
        version: version,
        subcommands: [
            ServeCommand.self, URLCommand.self, GetCommand.self, ListCommand.self,
            ShowCommand.self, VerifyCommand.self,
        ])

    static func main() async {
        BusErrors.survive()
        await main(nil)
    }
}

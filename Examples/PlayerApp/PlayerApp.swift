import Foundation
import Platter

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What an app does with Platter: open a cache in its own folder, hand a local URL to its player, fetch
/// something for later, and show how much is there.
///
///     swift run PlatterExample https://media.example/film.mp4
@main
struct PlayerApp {
    static func main() async throws {
        guard let url = CommandLine.arguments.dropFirst().first else {
            print("usage: PlatterExample URL")
            return
        }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "platter-example")
        let platter = try await Platter.start(PlatterConfiguration(directory: folder.path))

        // An app would write `AVPlayer(url: URL(string: local)!)`, or start any other player.
        let local = try platter.localURL(for: url)
        print("play       \(local)")
        let (bytes, _) = try await URLSession.shared.data(for: first(64 << 10, of: local))
        print("first read \(bytes.count) bytes")

        try await platter.prefetch(url)
        if let status = try await platter.status(of: url) {
            print("on disk    \(status.presentBytes) of \(status.completeLength) bytes")
        }
        await platter.stop()
    }

    /// The way a player looks at the beginning of a file.
    private static func first(_ count: Int, of url: String) throws -> URLRequest {
        guard let url = URL(string: url) else { throw URLError(.badURL) }
        var request = URLRequest(url: url)
        request.setValue("bytes=0-\(count - 1)", forHTTPHeaderField: "Range")
        return request
    }
}

import ArgumentParser
import Foundation
import PlatterAdmin
import PlatterStore

/// The objects in the cache.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List what is in the cache.",
        discussion: """
            Asks the running daemon; with --cache-dir, reads a folder's index instead, also when no \
            daemon runs. An object's ID is what `platter show` takes. Queries and header fields may be \
            secret: eight digits stand for each of them, so that objects of one URL are told apart.

            STATE is new (nothing of it is on disk, or not any more), partial, complete, or stale: the \
            origin has another version by now, which is listed as an object of its own.
            """)

    @OptionGroup var source: EntrySource

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let entries = try await source.entries()
        if json {
            print(try JSONText.make(entries))
            return
        }
        guard !entries.isEmpty else {
            print("The cache is empty. Play something through it: platter --help")
            return
        }
        print("  ID  STATE       ON DISK        SIZE  URL")
        for entry in entries {
            let id = String(entry.id).leftPadded(to: 4)
            let state = entry.state.padding(toLength: 9, withPad: " ", startingAt: 0)
            let present = Output.bytes(entry.presentBytes).leftPadded(to: 10)
            let size = Output.bytes(entry.completeLength).leftPadded(to: 10)
            print("\(id)  \(state) \(present)  \(size)  \(entry.title)")
        }
    }
}

extension AdminMessages.Entry {
    /// The URL and what tells it apart from others that look the same.
    var title: String {
        url + (query.map { " [query \($0)]" } ?? "") + (fields.map { " [fields \($0)]" } ?? "")
    }
}

/// Where the entries are read from.
struct EntrySource: ParsableArguments {
    @OptionGroup var admin: AdminOption

    @Option(
        help: ArgumentHelp("Read this cache folder instead of asking the daemon.", valueName: "dir")
    )
    var cacheDir: String?

    func entries() async throws -> [AdminMessages.Entry] {
        let folder = try cacheDir.map { try ChosenFolder($0) }
        let index = try folder?.index()
        var entries: [AdminMessages.Entry] = []
        var after: Int64? = 0
        while let start = after {
            let page =
                if let folder, let index {
                    try folder.read { () throws(IndexError) in
                        try EntryViews.page(of: index, after: start)
                    }
                } else {
                    try await ask("/entries?after=\(start)", as: AdminMessages.Entries.self)
                }
            entries += page.entries
            after = page.next
        }
        return entries
    }

    func map(of id: Int64) async throws -> AdminMessages.EntryMap {
        guard let folder = try cacheDir.map({ try ChosenFolder($0) }) else {
            return try await ask("/entries/\(id)", as: AdminMessages.EntryMap.self)
        }
        let index = try folder.index()
        let map = try folder.read { () throws(IndexError) in
            try EntryViews.map(of: id, index: index)
        }
        guard let map else {
            throw CleanExit.failure("there is no entry \(id); `platter ls` lists them")
        }
        return map
    }

    private func ask<Answer: Decodable>(
        _ path: String, as type: Answer.Type
    ) async throws -> Answer {
        do {
            return try await AdminClient(admin).get(path, as: type)
        } catch let error as AdminClient.Failure {
            throw CleanExit.failure(error.descriptionWithFolder)
        }
    }
}

extension ChosenFolder {
    fileprivate func index() throws -> IndexReader {
        try read { () throws(IndexError) in
            try IndexReader(path: path + "/index.sqlite", boot: "")
        }
    }
}

enum JSONText {
    static func make(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

extension String {
    func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - count)) + self
    }
}

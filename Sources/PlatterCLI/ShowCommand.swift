import ArgumentParser
import Foundation
import PlatterAdmin

/// One object, as a map of its chunks.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an entry and a map of what is on disk of it.")

    @Argument(help: "The entry's number; `platter ls` shows it.")
    var entry: Int64

    @OptionGroup var source: EntrySource

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let map = try await source.map(of: entry)
        if json {
            print(try JSONText.make(map))
            return
        }
        let entry = map.entry
        let share =
            entry.completeLength == 0
            ? 100 : Double(entry.presentBytes) / Double(entry.completeLength) * 100
        print(entry.title)
        print("state    \(entry.state), \(String(format: "%.1f", share)) % on disk")
        print("size     \(Output.bytes(entry.completeLength)) (\(entry.completeLength) bytes)")
        print("on disk  \(Output.bytes(entry.presentBytes)) in \(map.present.count) pieces")
        print("type     \(entry.contentType ?? "unknown")")
        print("used     \(Self.date(entry.accessedAt)), first \(Self.date(entry.createdAt))")
        let picture = ChunkPicture(map: map, width: min(Output.width, 120) - 12)
        print(
            "chunks   \(Output.bytes(entry.chunkLength)) each; █ all there, ▒ part of it, · nothing"
        )
        for line in picture.lines { print(line) }
    }

    private static func date(_ seconds: Int64) -> String {
        let formatter = ISO8601DateFormatter()
        return formatter.string(from: Date(timeIntervalSince1970: TimeInterval(seconds)))
    }
}

/// A character a chunk, in rows that start with their offset; several chunks a character where there
/// are very many.
struct ChunkPicture {
    /// Rows at most [40].
    static let rowLimit = 40

    let lines: [String]

    init(map: AdminMessages.EntryMap, width: Int) {
        let columns = max(width, 10)
        let chunk = max(1, map.entry.chunkLength)
        let length = map.entry.completeLength
        let chunks = length == 0 ? 0 : (length - 1) / chunk + 1
        let cells = min(chunks, Int64(columns * Self.rowLimit))
        guard cells > 0 else {
            lines = []
            return
        }
        let perCell = ((chunks - 1) / cells + 1) * chunk
        var marks: [Character] = []
        var next = 0
        var start: Int64 = 0
        while start < length {
            let end = min(length, start + min(perCell, length - start))
            while next < map.present.count, map.present[next][1] <= start { next += 1 }
            marks.append(Self.mark(start, end, map.present[next...]))
            start = end
        }
        lines = stride(from: 0, to: marks.count, by: columns).map { first in
            let label = Output.bytes(Int64(first) * perCell).leftPadded(to: 10)
            return label + "  " + String(marks[first..<min(first + columns, marks.count)])
        }
    }

    private static func mark(
        _ start: Int64, _ end: Int64, _ present: ArraySlice<[Int64]>
    ) -> Character {
        var covered: Int64 = 0
        for run in present {
            if run[0] >= end { break }
            covered += min(end, run[1]) - max(start, run[0])
        }
        return covered == 0 ? "·" : covered == end - start ? "█" : "▒"
    }
}

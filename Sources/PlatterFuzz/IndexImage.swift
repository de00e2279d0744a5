import Foundation
import PlatterCore
import PlatterStore

/// The files of a small index, and what it promises.
struct IndexImage: Sendable {
    let truth: IndexTruth
    private let database: [UInt8]
    /// nil: it was closed, and all is in the database.
    private let log: [UInt8]?

    /// - Parameter isClosed: false: changes are still in the log, as a crash leaves them.
    init(isClosed: Bool) async throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/index.sqlite"
        var truth = IndexTruth()
        let old = try IndexWriter(path: path, boot: "boot 0")
        try await Self.fill(old, "boot 0", &truth)
        try await old.close()
        let writer = try IndexWriter(path: path, boot: IndexTruth.boot)
        try await Self.fill(writer, IndexTruth.boot, &truth)
        if isClosed { try await writer.close() }
        self.truth = truth
        database = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        log = isClosed ? nil : try Array(Data(contentsOf: URL(fileURLWithPath: path + "-wal")))
        // Until here the log is not emptied.
        if !isClosed { try await writer.close() }
    }

    private static func fill(
        _ writer: IndexWriter, _ boot: String, _ truth: inout IndexTruth
    ) async throws {
        for number in 0..<3 {
            // Of one key there are two versions.
            let representation = Representation(
                key: CacheKey("http://origin/\(number)"),
                validator: .strong(tag: "\"\(number == 0 ? boot : "v")\""), completeLength: 600_000)
            let salt = UInt64(truth.entries.count)
            guard
                let entry = NewEntry(
                    representation, chunkLength: 65_536,
                    file: DataFileName(representation, salt: salt), origin: "http://origin",
                    fields: String(repeating: "x", count: 900), createdAt: 1000)
            else { continue }
            let id = try await writer.openEntry(entry).id
            truth.entries.append(entry)
            for place in 0..<40 {
                let start = Int64(place) * 14_000 + (boot == "boot 0" ? 0 : 7000)
                let end = min(start + 3000, (start / 65_536 + 1) * 65_536)
                let run = StoredRun(range: start..<end, crc32c: UInt32(place) &* 2_654_435_761)
                truth.runs.append(.init(entry: id.rawValue, run: run, boot: boot))
                writer.record([run], in: id) { _ in }
            }
            _ = try await writer.enqueue(
                NewDownload(
                    key: representation.key, url: representation.key.text, createdAt: 1000))
        }
        try await writer.flush()
    }

    // MARK: - Damage

    func writeDamaged(to path: String, _ input: inout FuzzInput) throws {
        var (database, log) = (database, log)
        if log == nil || input.oneIn(2) {
            Self.damage(&database, &input)
        } else if var damaged = log {
            Self.damage(&damaged, &input)
            log = damaged
        }
        try Data(database).write(to: URL(fileURLWithPath: path))
        if let log { try Data(log).write(to: URL(fileURLWithPath: path + "-wal")) }
    }

    private static let pageLength = 4096

    private static func damage(_ bytes: inout [UInt8], _ input: inout FuzzInput) {
        for _ in 0...input.below(6) {
            guard bytes.count > pageLength else { return }
            switch input.below(10) {
            case 0: bytes.removeLast(input.below(bytes.count))
            case 1: bytes.append(contentsOf: repeatElement(0xFF, count: input.below(9000)))
            case 2: overwritePage(&bytes, &input)
            case 3: flip(&bytes, in: 0..<100, &input)
            case 4: fill(&bytes, &input)
            default: flip(&bytes, in: 0..<bytes.count, &input)
            }
        }
    }

    private static func flip(
        _ bytes: inout [UInt8], in range: Range<Int>, _ input: inout FuzzInput
    ) {
        for _ in 0...input.below(4) {
            let place = range.lowerBound + input.below(range.count)
            let flipped = bytes[place] ^ 1 << UInt8(input.below(8))
            bytes[place] = input.oneIn(2) ? flipped : UInt8(truncatingIfNeeded: input.next())
        }
    }

    /// One page becomes another one, or nothing.
    private static func overwritePage(_ bytes: inout [UInt8], _ input: inout FuzzInput) {
        let pages = bytes.count / pageLength
        let target = input.below(pages) * pageLength
        let source = input.below(pages) * pageLength
        let page = Array(bytes[source..<source + pageLength])
        let empty = [UInt8](repeating: 0, count: pageLength)
        bytes.replaceSubrange(target..<target + pageLength, with: input.oneIn(2) ? page : empty)
    }

    private static func fill(_ bytes: inout [UInt8], _ input: inout FuzzInput) {
        let start = input.below(bytes.count)
        let end = min(bytes.count, start + 1 + input.below(600))
        let byte = input.pick([0, 0xFF, 0x80, 0x7F] as [UInt8])
        for place in start..<end { bytes[place] = byte }
    }
}

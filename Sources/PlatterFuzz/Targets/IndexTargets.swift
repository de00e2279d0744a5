import Foundation
import PlatterCore
import PlatterStore

/// Rows as no writer makes them, asked for.
@Sendable func prepareIndexRows() async throws -> FuzzTarget.Execution {
    let index = try await LooseIndex()
    var reader = try IndexReader(path: index.path, boot: IndexTruth.boot)
    return { input in
        let truth = try index.fill(&input)
        try truth.question(reader, &input)
        do throws(IndexError) {
            _ = try reader.entryID(0)
        } catch {
            // It has found the index corrupt, and has answered nothing since.
            reader = try IndexReader(path: index.path, boot: IndexTruth.boot)
            try truth.question(reader, &input)
        }
    }
}

/// Rows as no writer makes them, changed.
@Sendable func prepareIndexChanges() async throws -> FuzzTarget.Execution {
    let index = try await LooseIndex()
    return { input in
        let truth = try index.fill(&input)
        let writer = try IndexWriter(path: index.path, boot: IndexTruth.boot)
        let changes = IndexChanges(writer: writer, truth: truth)
        for _ in 0..<(1 + input.below(6)) { await changes.make(&input) }
        try truth.adding(changes.recorded).question(writer.makeReader(), &input)
        try? await writer.close()
    }
}

/// A good index after somebody has written into its file.
@Sendable func prepareIndexDamage() async throws -> FuzzTarget.Execution {
    let whole = try await IndexImage(isClosed: true)
    let logged = try await IndexImage(isClosed: false)
    let scratch = try ScratchFolder()
    let path = scratch.path + "/index.sqlite"
    return { input in
        let image = input.oneIn(3) ? logged : whole
        try scratch.empty()
        try image.writeDamaged(to: path, &input)
        if input.oneIn(2) { try questionAlone(image.truth, path, &input) }
        let writer: IndexWriter
        do throws(IndexError) {
            writer = try IndexWriter(path: path, boot: IndexTruth.boot)
        } catch {
            writer = IndexWriter(path: path, boot: IndexTruth.boot, without: error)
        }
        try image.truth.question(writer.makeReader(), &input)
        let changes = IndexChanges(writer: writer, truth: image.truth)
        for _ in 0..<input.below(4) { await changes.make(&input) }
        try image.truth.adding(changes.recorded).question(writer.makeReader(), &input)
        if let loss = writer.loss { try await renew(writer, after: loss) }
        try? await writer.close()
    }
}

private func questionAlone(
    _ truth: IndexTruth, _ path: String, _ input: inout FuzzInput
) throws {
    let reader: IndexReader
    do throws(IndexError) {
        reader = try IndexReader(path: path, boot: IndexTruth.boot)
    } catch {
        return
    }
    try truth.question(reader, &input)
}

/// An index that is lost can be made anew, and is empty then.
private func renew(_ writer: IndexWriter, after loss: IndexError) async throws {
    do throws(IndexError) {
        try await writer.renew()
    } catch {
        // What is no damage is not set aside: a newer schema, a file that is no file.
        return try expect(error.code != .corrupt, "\(loss), and it cannot be made anew: \(error)")
    }
    try expect(writer.loss == nil, "it was made anew and is still lost: \(loss)")
    guard loss.code == .corrupt || loss.code == .replaced else { return }
    let bytes = try writer.makeReader().totalRecordedBytes()
    try expect(bytes == 0, "an index made anew promises \(bytes) bytes")
}

/// Random changes through the writer.
final class IndexChanges {
    private let writer: IndexWriter
    private let truth: IndexTruth
    /// What was asked to be recorded.
    private(set) var recorded: [IndexTruth.Run] = []

    init(writer: IndexWriter, truth: IndexTruth) {
        self.writer = writer
        self.truth = truth
    }

    /// One change. That it is refused is an answer.
    func make(_ input: inout FuzzInput) async {
        guard let entry = try? writer.makeReader().entryID(Int64(input.below(4))) else { return }
        let range = input.range(within: input.oneIn(4) ? 700_000 : 65_536)
        do throws(IndexError) {
            switch input.below(10) {
            case 0, 1, 2: await record(range, in: entry, &input)
            case 3: _ = try await writer.dropRuns(range, of: entry)
            case 4: await stampVerified(entry, &input)
            case 5: await done { self.writer.distrust(entry, completion: $0) }
            case 6: _ = try await writer.openEntry(input.pick(truth.entries))
            case 7: _ = try await writer.deleteEntry(entry)
            case 8:
                let time = input.number()
                await done { self.writer.touch([entry: time], completion: $0) }
                await done { self.writer.supersede(entry, at: time, completion: $0) }
            default: try await changeQueue(&input)
            }
        } catch {
            return
        }
    }

    private func record(_ range: ByteRange, in entry: EntryID, _ input: inout FuzzInput) async {
        let run = StoredRun(range: range, crc32c: UInt32(truncatingIfNeeded: input.next()))
        recorded.append(.init(entry: entry.rawValue, run: run, boot: IndexTruth.boot))
        let isTrusted = !input.oneIn(4)
        await done {
            self.writer.record([run], in: entry, isTrusted: { isTrusted }, completion: $0)
        }
    }

    private func stampVerified(_ entry: EntryID, _ input: inout FuzzInput) async {
        guard let run = truth.runs.isEmpty ? nil : input.pick(truth.runs) else { return }
        recorded.append(.init(entry: entry.rawValue, run: run.run, boot: IndexTruth.boot))
        await done { self.writer.stampVerified(run.run, in: entry, completion: $0) }
    }

    private func changeQueue(_ input: inout FuzzInput) async throws(IndexError) {
        _ = try await writer.enqueue(
            NewDownload(
                key: CacheKey("http://origin/\(input.below(3))"), url: "http://origin",
                start: input.number(), end: input.oneIn(2) ? nil : input.number(),
                createdAt: input.number()))
        for download in try await writer.downloads() {
            try await writer.noteFailure(
                of: download, error: "x", nextAttemptAt: input.number())
        }
    }

    private func done(_ change: (@escaping IndexWriter.Completion<Void>) -> Void) async {
        await withCheckedContinuation { continuation in
            // Resumed once: the writer reports every change exactly once.
            change { _ in continuation.resume() }
        }
    }
}

extension IndexTruth {
    func adding(_ runs: [Run]) -> IndexTruth {
        var truth = self
        truth.runs += runs
        return truth
    }
}

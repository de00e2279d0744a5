import PlatterCore
import PlatterStore
import Testing

/// The same steps every time for one seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// What the index must say, kept the plainest way: an array of runs, walked from end to end.
private struct Model {
    struct Row: Equatable {
        var range: ByteRange
        var isVerified: Bool
    }

    static let chunk = 64 * kib
    var rows: [Row] = []

    mutating func record(_ range: ByteRange) {
        let same = rows.first { $0.range == range }
        if same?.isVerified == true { return }
        let covered = rows.reduce(Int64(0)) { sum, row in
            sum + (row.range.intersection(range)?.length ?? 0)
        }
        if covered == range.length, same == nil { return }
        let overlapped = rows.filter { $0.range.overlaps(range) }
        let alone = overlapped.reduce(Int64(0)) { $0 + $1.range.length } - covered
        if alone > 0, alone >= range.length - covered { return }
        rows.removeAll { $0.range.overlaps(range) }
        rows.append(Row(range: range, isVerified: true))
        rows.sort { $0.range.lowerBound < $1.range.lowerBound }
        merge(around: range)
    }

    /// Joins the trusted neighbours of the run at `range`, as far as its chunk goes.
    private mutating func merge(around range: ByteRange) {
        guard let index = rows.firstIndex(where: { $0.range == range }) else { return }
        for left in [index, index - 1] where rows.indices.contains(left + 1) && left >= 0 {
            let (first, second) = (rows[left], rows[left + 1])
            guard first.range.upperBound == second.range.lowerBound,
                first.range.lowerBound / Self.chunk == second.range.lowerBound / Self.chunk,
                first.isVerified, second.isVerified
            else { continue }
            rows[left].range = first.range.lowerBound..<second.range.upperBound
            rows.remove(at: left + 1)
        }
    }

    mutating func drop(_ range: ByteRange) -> [ByteRange] {
        let dropped = rows.filter { $0.range.overlaps(range) }.map(\.range)
        rows.removeAll { $0.range.overlaps(range) }
        return dropped
    }

    mutating func stamp(_ range: ByteRange) {
        rows.removeAll { $0.range == range }
        record(range)
    }

    func presence(at position: Int64, upTo limit: Int64) -> Presence {
        guard let first = rows.first(where: { $0.range.contains(position) }) else {
            let next = rows.map(\.range.lowerBound).first { $0 > position } ?? limit
            return .absent(position..<min(next, limit))
        }
        guard first.isVerified else { return .unverified(run(first.range)) }
        var end = first.range.upperBound
        while let next = rows.first(where: { $0.range.lowerBound == end && $0.isVerified }) {
            end = next.range.upperBound
        }
        return .present(position..<min(end, limit))
    }
}

@Suite("The index against a model")
struct IndexModelTests {
    private static let length: Int64 = 8 * Model.chunk - 1_000

    @Test("after every random step index and model agree", arguments: [UInt64(1), 2, 3])
    func agreement(seed: UInt64) async throws {
        var numbers = SeededNumbers(state: seed)
        var model = Model()
        let index = try TestIndex(boot: "0")
        let entry = try await index.entry(length: Self.length).id
        var writer = index.writer
        var reader = try index.reader(boot: "0")
        for step in 1...2_000 {
            let note: Comment = "seed \(seed), step \(step)"
            if step % 250 == 0 {
                try await writer.close()
                writer = try IndexWriter(path: index.path, boot: String(step))
                reader = try index.reader(boot: String(step))
                for row in model.rows.indices { model.rows[row].isVerified = false }
            }
            switch Int.random(in: 0..<20, using: &numbers) {
            case 0..<14:
                let range = Self.runRange(&numbers)
                try await writer.record([run(range)], in: entry)
                model.record(range)
            case 14..<17:
                let range = Self.anyRange(&numbers)
                let dropped = try await writer.drop(range, of: entry)
                #expect(dropped == model.drop(range), note)
            default:
                guard let row = model.rows.randomElement(using: &numbers) else { continue }
                try await writer.done {
                    $0.stampVerified(run(row.range), in: entry, completion: $1)
                } as Void
                if !row.isVerified { model.stamp(row.range) }
            }
            let expected = model.rows.map {
                RecordedRun(run: run($0.range), isVerified: $0.isVerified)
            }
            try #require(try reader.runs(of: entry) == expected, note)
            let sum = model.rows.reduce(Int64(0)) { $0 + $1.range.length }
            try #require(try reader.presentBytes(of: entry) == sum, note)
            for _ in 0..<5 {
                let range = Self.anyRange(&numbers)
                let answer = try reader.presence(
                    of: entry, at: range.lowerBound, upTo: range.upperBound)
                try #require(
                    answer == model.presence(at: range.lowerBound, upTo: range.upperBound), note)
            }
        }
        try await writer.close()
    }

    /// A run inside one chunk, on a coarse raster so that runs meet and overlap often.
    private static func runRange(_ numbers: inout SeededNumbers) -> ByteRange {
        let chunk = Int64.random(in: 0..<8, using: &numbers) * Model.chunk
        let first = Int64.random(in: 0..<16, using: &numbers)
        let last = Int64.random(in: first + 1...16, using: &numbers)
        let low = chunk + first * 4 * kib
        let high = min(chunk + last * 4 * kib, length)
        return low < high ? low..<high : chunk..<chunk + 1
    }

    private static func anyRange(_ numbers: inout SeededNumbers) -> ByteRange {
        let low = Int64.random(in: 0..<length - 1, using: &numbers)
        let high = low + 1 + Int64.random(in: 0..<2 * Model.chunk, using: &numbers)
        return low..<min(high, length)
    }
}

package import PlatterCore

/// A version of a resource, as it is first seen.
package struct NewEntry: Hashable, Sendable {
    package var representation: Representation
    /// Chunk size for the life of the entry.
    package var grid: ChunkGrid
    package var file: DataFileName
    /// Where it came from, for people and for limits per origin.
    package var origin: String
    package var contentType: String?
    /// The response's header fields. Opaque to the store.
    package var fields: String
    /// Seconds since 1970.
    package var createdAt: Int64
    /// The origin has given this very version before another one: an entry of it may still be there.
    package var hasReturned: Bool

    /// - Returns: nil when the chunk length is outside its bounds or the complete length is
    ///   negative.
    package init?(
        _ representation: Representation, chunkLength: Int64 = ChunkGrid.defaultChunkLength,
        file: DataFileName, origin: String, contentType: String? = nil, fields: String = "",
        createdAt: Int64, hasReturned: Bool = false
    ) {
        let length = representation.completeLength
        guard let grid = ChunkGrid(chunkLength: chunkLength, completeLength: length) else {
            return nil
        }
        self.representation = representation
        self.grid = grid
        self.file = file
        self.origin = origin
        self.contentType = contentType
        self.fields = fields
        self.createdAt = createdAt
        self.hasReturned = hasReturned
    }
}

/// A row of `cache_entries`.
package struct EntryRecord: Hashable, Sendable {
    package let id: EntryID
    package let representation: Representation
    package let grid: ChunkGrid
    package let file: DataFileName
    package let origin: String
    package let contentType: String?
    package let fields: String
    /// Seconds since 1970, as all times of the index.
    package let createdAt: Int64
    package let accessedAt: Int64
    /// When another version took its place; nil for the current version of its key.
    package let supersededAt: Int64?
    /// What its file was last left like; nil when that is not known.
    package let stamp: FileStamp?
}

/// How much of an entry is there. Derived when asked, kept nowhere.
package enum EntryState: String, Hashable, Sendable, CaseIterable {
    /// Not a byte yet.
    case new
    case partial
    case complete
    /// Another version took its place.
    case stale

    package init(_ entry: EntryRecord, presentBytes: Int64) {
        if entry.supersededAt != nil {
            self = .stale
        } else if presentBytes >= entry.representation.completeLength {
            self = .complete
        } else {
            self = presentBytes > 0 ? .partial : .new
        }
    }
}

/// An entry and the sum of its runs, for lists.
package struct EntrySummary: Hashable, Sendable {
    package let entry: EntryRecord
    /// Bytes recorded, checked since the last boot or not.
    package let presentBytes: Int64
    package let runCount: Int64

    package var state: EntryState { EntryState(entry, presentBytes: presentBytes) }
}

/// A row as SQLite gives it, by column number from 0.
protocol IndexColumns {
    func integer(_ column: Int32) -> Int64?
    func text(_ column: Int32) -> String?
}

extension EntryRecord {
    /// The columns that `init(_:epoch:)` reads, in its order.
    static let columns = """
        id, key, validator, complete_length, chunk_length, file, origin, content_type, fields, \
        created_at, accessed_at, superseded_at, seal, stamp
        """
    static let columnCount: Int32 = 14

    /// - Throws: `.corrupt` for a row that the schema does not allow, or that is not as it was written.
    init(_ row: some IndexColumns, epoch: UInt64) throws(IndexError) {
        guard let id = row.integer(0), let key = row.text(1),
            let validator = row.text(2).flatMap(Validator.init(indexText:)),
            let completeLength = row.integer(3), let chunkLength = row.integer(4),
            let grid = ChunkGrid(chunkLength: chunkLength, completeLength: completeLength),
            let file = row.text(5).flatMap(DataFileName.init), let origin = row.text(6),
            let fields = row.text(8), let createdAt = row.integer(9),
            let accessedAt = row.integer(10)
        else {
            throw IndexError(.corrupt, "entry \(row.integer(0) ?? 0) breaks the schema's rules")
        }
        representation = Representation(
            key: CacheKey(key), validator: validator, completeLength: completeLength)
        guard row.integer(12) == Seal.of(representation, chunkLength: chunkLength, file: file)
        else { throw IndexError(.corrupt, "entry \(id) is not as it was written") }
        self.id = EntryID(id, epoch: epoch)
        self.grid = grid
        self.file = file
        self.origin = origin
        contentType = row.text(7)
        self.fields = fields
        self.createdAt = createdAt
        self.accessedAt = accessedAt
        supersededAt = row.integer(11)
        stamp = row.text(13).flatMap(FileStamp.init)
    }
}

extension RecordedRun {
    /// The columns that `init(_:of:)` reads, in its order. `?4` is the running boot.
    static let columns = #"start, "end", crc32c, boot = ?4, seal"#

    /// A row that is not as it was written promises nothing: it counts as not verified, and is served
    /// if the bytes agree with it.
    ///
    /// - Throws: `.corrupt` for a row that the schema does not allow.
    init(_ row: some IndexColumns, of entry: EntryID) throws(IndexError) {
        guard let start = row.integer(0), let end = row.integer(1), 0 <= start, start < end,
            let crc = row.integer(2).flatMap(UInt32.init(exactly:)), let isOurs = row.integer(3)
        else { throw IndexError(.corrupt, "a run breaks the schema's rules") }
        run = StoredRun(range: start..<end, crc32c: crc)
        isVerified = isOurs == 1 && row.integer(4) == Seal.of(run, in: entry)
    }
}

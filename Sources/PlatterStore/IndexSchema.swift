internal import GRDB
internal import PlatterCore

/// The tables. A migration that was released is never edited; a new one is added after it.
///
/// The rules stand here and not only in the code that writes, so that no hand can make a row that
/// would be served wrongly. `sqlite3 index.sqlite 'DELETE FROM cache_chunks …'` is always allowed.
enum IndexSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(sql: entries)
            try db.execute(sql: chunks)
            try db.execute(sql: chunkRules)
            try db.execute(sql: downloadQueue)
        }
        migrator.registerMigration("2") { db in
            try db.execute(sql: "ALTER TABLE cache_entries ADD COLUMN seal INTEGER")
            try db.execute(sql: "ALTER TABLE cache_chunks ADD COLUMN seal INTEGER")
            // See `FileStamp`.
            try db.execute(sql: "ALTER TABLE cache_entries ADD COLUMN stamp TEXT")
            try sealAll(db)
            try db.execute(sql: sealRule)
        }
        return migrator
    }

    /// Whether a database is an index, or empty: each of ours says first which version it is of.
    static func isOurs(_ db: Database) throws -> Bool {
        let isEmpty = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
        return try isEmpty || db.tableExists("grdb_migrations")
    }

    /// Rows of a version without seals get theirs.
    private static func sealAll(_ db: Database) throws {
        db.add(function: entrySeal)
        db.add(function: runSeal)
        defer {
            db.remove(function: entrySeal)
            db.remove(function: runSeal)
        }
        try db.execute(
            sql: """
                UPDATE cache_entries
                SET seal = entry_seal(key, validator, complete_length, chunk_length, file);
                UPDATE cache_chunks SET seal = run_seal(entry, start, "end", crc32c);
                """)
    }

    private static let entrySeal = DatabaseFunction("entry_seal", argumentCount: 5, pure: true) {
        guard let key = String.fromDatabaseValue($0[0]),
            let validator = String.fromDatabaseValue($0[1]).flatMap(Validator.init(indexText:)),
            let completeLength = Int64.fromDatabaseValue($0[2]),
            let chunkLength = Int64.fromDatabaseValue($0[3]),
            let file = String.fromDatabaseValue($0[4]).flatMap(DataFileName.init)
        else { return nil }
        let representation = Representation(
            key: CacheKey(key), validator: validator, completeLength: completeLength)
        return Seal.of(representation, chunkLength: chunkLength, file: file)
    }

    private static let runSeal = DatabaseFunction("run_seal", argumentCount: 4, pure: true) {
        let values = $0.compactMap { Int64.fromDatabaseValue($0) }
        guard values.count == 4, values[1] < values[2],
            let crc32c = UInt32(exactly: values[3])
        else { return nil }
        let run = StoredRun(range: values[1]..<values[2], crc32c: crc32c)
        return Seal.of(run, in: EntryID(values[0]))
    }

    /// See `Seal`. `boot` is not sealed: a row with another boot is only checked once more.
    private static let sealRule = """
        CREATE TRIGGER cache_entries_sealed BEFORE UPDATE OF seal ON cache_entries
        BEGIN SELECT RAISE(ABORT, 'a seal is written with its row'); END;

        CREATE TRIGGER cache_chunks_sealed BEFORE UPDATE OF seal ON cache_chunks
        BEGIN SELECT RAISE(ABORT, 'a seal is written with its row'); END;
        """

    /// One row per version of a resource. Times are seconds since 1970. The current version of a
    /// key is the one without `superseded_at`. AUTOINCREMENT, because an id must never come back.
    private static let entries = """
        CREATE TABLE cache_entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL,
            validator TEXT NOT NULL CHECK (
                validator = 'absent' OR validator GLOB 'strong *' OR validator GLOB 'weak *'
                OR validator = 'modified ' || CAST(substr(validator, 10) AS INTEGER)
                OR validator = 'weakly-modified ' || CAST(substr(validator, 17) AS INTEGER)),
            complete_length INTEGER NOT NULL CHECK (
                typeof(complete_length) = 'integer' AND complete_length >= 0),
            chunk_length INTEGER NOT NULL CHECK (
                typeof(chunk_length) = 'integer' AND chunk_length BETWEEN 65536 AND 1073741824),
            file TEXT NOT NULL UNIQUE CHECK (file GLOB '\(DataFileName.globPattern)'),
            origin TEXT NOT NULL,
            content_type TEXT,
            fields TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            accessed_at INTEGER NOT NULL,
            superseded_at INTEGER
        );
        CREATE UNIQUE INDEX cache_entries_current ON cache_entries (key)
            WHERE superseded_at IS NULL;
        """

    /// One row per contiguous run of bytes inside one chunk of the grid; `end` is the byte after
    /// it.
    private static let chunks = """
        CREATE TABLE cache_chunks (
            entry INTEGER NOT NULL REFERENCES cache_entries (id) ON DELETE CASCADE,
            start INTEGER NOT NULL CHECK (typeof(start) = 'integer' AND start >= 0),
            "end" INTEGER NOT NULL CHECK (typeof("end") = 'integer' AND "end" > start),
            crc32c INTEGER NOT NULL CHECK (
                typeof(crc32c) = 'integer' AND crc32c BETWEEN 0 AND 4294967295),
            boot TEXT NOT NULL,
            PRIMARY KEY (entry, start)
        ) WITHOUT ROWID;
        """

    private static let chunkRules = """
        CREATE TRIGGER cache_chunks_on_grid BEFORE INSERT ON cache_chunks
        WHEN EXISTS (
            SELECT 1 FROM cache_entries WHERE id = NEW.entry AND (
                NEW."end" > complete_length
                OR NEW.start / chunk_length <> (NEW."end" - 1) / chunk_length))
        BEGIN SELECT RAISE(ABORT, 'a run lies within one chunk of its entry'); END;

        CREATE TRIGGER cache_chunks_apart BEFORE INSERT ON cache_chunks
        WHEN (SELECT "end" FROM cache_chunks WHERE entry = NEW.entry AND start < NEW."end"
              ORDER BY start DESC LIMIT 1) > NEW.start
        BEGIN SELECT RAISE(ABORT, 'runs of an entry do not overlap'); END;

        CREATE TRIGGER cache_chunks_fixed
        BEFORE UPDATE OF entry, start, "end", crc32c ON cache_chunks
        BEGIN SELECT RAISE(ABORT, 'a run is replaced, never changed'); END;

        CREATE TRIGGER cache_entries_fixed
        BEFORE UPDATE OF id, key, validator, complete_length, chunk_length, file ON cache_entries
        BEGIN SELECT RAISE(ABORT, 'what identifies an entry never changes'); END;
        """

    /// What people asked for. `range_end` is the byte after the last one, NULL for all of the
    /// object.
    private static let downloadQueue = """
        CREATE TABLE cache_download_queue (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            key TEXT NOT NULL UNIQUE,
            url TEXT NOT NULL,
            range_start INTEGER NOT NULL CHECK (range_start >= 0),
            range_end INTEGER CHECK (range_end > range_start),
            priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 3),
            pinned INTEGER NOT NULL CHECK (pinned IN (0, 1)),
            attempts INTEGER NOT NULL CHECK (attempts >= 0),
            next_attempt_at INTEGER NOT NULL,
            last_error TEXT,
            created_at INTEGER NOT NULL
        );
        """
}

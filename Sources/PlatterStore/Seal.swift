internal import PlatterCore

/// A checksum over what a row of the index promises. SQLite has none of its own: a bit that flips in
/// one of its pages would otherwise promise bytes that are not there, or another object's.
enum Seal {
    /// Of a row of `cache_chunks`.
    static func of(_ run: StoredRun, in entry: EntryID) -> Int64 {
        let values = [
            entry.rawValue, run.range.lowerBound, run.range.upperBound, Int64(run.crc32c),
        ]
        return values.withUnsafeBytes { Int64(Checksum.crc32c(of: $0)) }
    }

    /// Of what never changes in a row of `cache_entries`.
    static func of(
        _ representation: Representation, chunkLength: Int64, file: DataFileName
    ) -> Int64 {
        let parts = [
            representation.key.text, representation.validator.indexText,
            String(representation.completeLength), String(chunkLength), file.text,
        ]
        // Ended by a byte that no text contains, so that no two rows read the same.
        var bytes: [UInt8] = []
        for part in parts {
            bytes.append(contentsOf: part.utf8)
            bytes.append(0xFF)
        }
        return bytes.withUnsafeBytes { Int64(Checksum.crc32c(of: $0)) }
    }
}

import HTTPTypes
import PlatterCache
import PlatterCore
import PlatterHTTP

/// One version of a film at its origin.
struct Version: Hashable {
    /// Of all versions of all films; also what its ramp is shifted by.
    let number: Int
    let length: Int64
    let validator: Validator
}

/// A film and what its origin has had of it over time.
struct ModelFilm {
    let url: OriginURL
    let lacksRanges: Bool
    var versions: [Version]
    /// The one that the origin sends now.
    var current = 0

    var version: Version { versions[current] }
    var key: CacheKey { Resource(url, fields: [:]).key }

    func version(like representation: Representation) -> Version? {
        versions.first {
            $0.validator == representation.validator
                && $0.length == representation.completeLength
        }
    }
}

/// What a response has promised and what came of it: all that a player can rely on.
struct Promise {
    let version: Version
    let range: ByteRange
    private(set) var position: Int64

    init(_ version: Version, _ range: ByteRange) {
        self.version = version
        self.range = range
        position = range.lowerBound
    }

    /// Bytes were handed to the player.
    ///
    /// - Returns: What is wrong with them.
    mutating func take(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> String? {
        guard offset == position else { return "byte \(offset) in the place of \(position)" }
        position += Int64(bytes.count)
        if position > range.upperBound { return "more bytes than promised" }
        guard Ramp.matches(bytes, at: offset, shift: version.number) else {
            return "wrong bytes at \(offset), \(bytes.count) of them"
        }
        return nil
    }

    var isKept: Bool { position == range.upperBound }
}

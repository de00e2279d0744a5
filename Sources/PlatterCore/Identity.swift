/// The name under which a resource is cached: the normalised URL and what else selects it
/// (RFC 9111 section 4). Compared whole; a hash of it is only ever a file name.
package struct CacheKey: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { text }
}

/// What tells two versions of a resource apart (RFC 9110 section 8.8).
package enum Validator: Hashable, Sendable {
    /// A strong entity tag, with its quotes.
    case strong(tag: String)
    /// A weak entity tag, with its quotes and without the `W/`.
    case weak(tag: String)
    /// A modification date in seconds since 1970 that is so much older than the response that it is
    /// strong (RFC 9110 section 8.8.2.2).
    case modified(at: Int64)
    /// A modification date too young to be strong.
    case weaklyModified(at: Int64)
    /// The same two beside a weak entity tag, with its quotes and without the `W/`: the date makes it
    /// strong or not, and another tag is another version.
    case modifiedWithTag(at: Int64, tag: String)
    case weaklyModifiedWithTag(at: Int64, tag: String)
    case absent

    /// Whether ranges of two responses with this validator may be combined (RFC 9111 section 3.4).
    package var isStrong: Bool {
        switch self {
        case .strong, .modified, .modifiedWithTag: true
        case .weak, .weaklyModified, .weaklyModifiedWithTag, .absent: false
        }
    }
}

/// One immutable sequence of bytes: a key, the version, and its length. Bytes of two representations
/// never share a file nor a response.
package struct Representation: Hashable, Sendable {
    package let key: CacheKey
    package let validator: Validator
    /// Bytes, 0 or more.
    package let completeLength: Int64

    package init(key: CacheKey, validator: Validator, completeLength: Int64) {
        self.key = key
        self.validator = validator
        self.completeLength = completeLength
    }
}

/// The index's number for an entry. Never used again for another one.
package struct EntryID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let rawValue: Int64
    /// Which of the indexes that the program has opened gave the number, from 1. When an index was
    /// lost and another made, its numbers begin again; an old one must not name what is new.
    package let epoch: UInt64

    package init(_ rawValue: Int64, epoch: UInt64 = 1) {
        self.rawValue = rawValue
        self.epoch = epoch
    }

    package static func < (lhs: EntryID, rhs: EntryID) -> Bool {
        (lhs.epoch, lhs.rawValue) < (rhs.epoch, rhs.rawValue)
    }

    package var description: String { String(rawValue) }
}

/// How urgent a fetch is, from least to most.
package enum FetchPriority: Int, Hashable, Sendable, Comparable, CaseIterable {
    /// Background fill of what was started.
    case low
    /// A person asked for it: prefetch, offline.
    case medium
    /// Read-ahead of a playing client.
    case high
    /// A client is blocked on it now.
    case critical

    package static func < (lhs: FetchPriority, rhs: FetchPriority) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

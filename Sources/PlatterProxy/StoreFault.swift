import PlatterStore

/// Why the store cannot give the next bytes of a response.
enum StoreFault: Hashable, CustomStringConvertible {
    /// It cannot take what is fetched, so that what it lacks comes past it.
    case storing
    case slowDisk
    case unreadable
    /// Comparing them with their checksums takes too long.
    case comparing
    case index(IndexError?)
    /// The index has not noted in time what must not be given any more.
    case unnoted
    /// The file that has them lies no more where it was.
    case detached

    var description: String {
        switch self {
        case .storing: "what is fetched cannot be stored"
        case .slowDisk: "the disk is slow"
        case .unreadable: "the disk does not give the bytes"
        case .comparing: "the comparison with the checksums takes too long"
        case .index(let error): error.map { "\($0)" } ?? "the index does not answer"
        case .unnoted: "the index does not take a note in time"
        case .detached: "the file was removed or replaced"
        }
    }

    /// Whether the store may be able to give what it lacks as soon as that was fetched.
    var isOfReading: Bool { self != .storing }
}

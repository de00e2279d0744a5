import PlatterCore
import PlatterStore

/// What a round knows of an entry whose chunks it takes.
struct ThinnedEntry: Sendable {
    /// Open for as long as chunks are taken: closed in between, it would not be known again as it was
    /// left.
    var file: (any DataFile)?
    /// The file has refused a hole: its rows would go for nothing.
    var isRefused = false
    /// The bytes whose rows are gone and whose room is not back.
    private(set) var owed: Int64 = 0

    /// Rows of so many bytes are gone, and a hole was made.
    ///
    /// - Parameters:
    ///   - bytes: 0 or more.
    ///   - room: The length of the hole [0 or more].
    /// - Returns: The bytes whose room is back: no more than the hole has, and no more than were owed.
    mutating func dropped(_ bytes: Int64, room: Int64) -> Int64 {
        let due = owed.addingClamped(bytes)
        let freed = min(due, room)
        owed = due - freed
        return freed
    }

    /// The file is gone, and all room is back.
    ///
    /// - Returns: The bytes that were owed.
    mutating func settle() -> Int64 {
        defer { owed = 0 }
        return owed
    }
}

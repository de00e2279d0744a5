import CPlatter

/// How many files and connections this process may have open.
package enum OpenFiles {
    /// With fewer a server with some hundred players refuses the next one [4096].
    package static let fewest: UInt64 = 4096

    /// Takes all that the system grants. Shells and service managers start programs with a small soft limit for the
    /// sake of those that use `select`.
    ///
    /// - Returns: The limit from now on; 0 when it is not known.
    package static func raise() -> UInt64 {
        var limit: UInt64 = 0
        // What cannot be raised stays as it was.
        _ = platter_raise_open_files(&limit)
        return limit
    }
}

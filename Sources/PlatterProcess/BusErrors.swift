import CPlatter

/// What a page of a mapped file that cannot be had (cut short, or no room for it on the disk) does to the process.
package enum BusErrors {
    /// From now on it does not end the process where the page is of the memory that SQLite's connections share: the index
    /// is opened anew. All other SIGBUS go where they went before. The handler is one of the whole process, so this is for
    /// programs that are Platter's own. Does nothing but on Linux.
    package static func survive() {
        // What cannot be caught ends the process as it did before.
        _ = platter_survive_bus_errors()
    }
}

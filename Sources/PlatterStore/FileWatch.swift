/// Notices when somebody else changes a file that is open. Pure: it is told what the file looks like
/// before and after each change of our own, and whenever somebody is about to use it.
///
/// While changes of our own are under way, and for an instant afterwards, the stamp says nothing of changes
/// by others. Then it counts whether another process has written, which not every system tells.
struct FileWatch {
    /// What we left the file like; nil when that is not known.
    private var left: FileStamp?
    private var changing = 0
    private var isSettled = true
    private var foreign = 0
    private var accepted = 0

    init(left: FileStamp?) { self.left = left }

    /// Whether it must be asked if others have written, to make sure of a look.
    ///
    /// - Parameter isSettled: See `FileStamp.isSettled`.
    mutating func isUnclear(_ stamp: FileStamp, isSettled: () -> Bool) -> Bool {
        if changing > 0 || stamp != left { return true }
        // Before this last look somebody may have written in the same instant as we did.
        let wasSettled = self.isSettled
        if !wasSettled { self.isSettled = isSettled() }
        return !wasSettled
    }

    /// The file is about to be used, or changed by us.
    ///
    /// - Parameter othersWrote: Since it was last asked, which comes after the stamp was taken.
    mutating func look(_ stamp: FileStamp, othersWrote: Bool = false) {
        if changing == 0, stamp != left {
            foreign += 1
            left = stamp
            isSettled = false
        } else if othersWrote {
            foreign += 1
        }
    }

    mutating func willChange(_ stamp: FileStamp, othersWrote: Bool = false) {
        look(stamp, othersWrote: othersWrote)
        changing += 1
    }

    /// - Parameter stamp: nil when it could not be had: the next look finds a change.
    mutating func didChange(_ stamp: FileStamp?, othersWrote: Bool = false) {
        changing -= 1
        if othersWrote { foreign += 1 }
        if changing == 0 { (left, isSettled) = (stamp, false) }
    }

    /// nil: nobody else has changed it, as far as is known. Else what to `accept` when nothing is
    /// taken for granted any more that was known of its content before.
    var foreignChange: ForeignChange? { foreign == accepted ? nil : ForeignChange(number: foreign) }

    mutating func accept(_ change: ForeignChange) { accepted = max(accepted, change.number) }

    /// What is in the file may not be what we wrote: to who uses it that is like a foreign change.
    mutating func doubt() { foreign += 1 }

    /// How many foreign changes were seen so far.
    var foreignCount: Int { foreign }

    /// Up to which of them they were accepted.
    var acceptedCount: Int { accepted }

    /// What we left the file like; nil while it is being changed or a foreign change is not accepted.
    var stamp: FileStamp? { changing == 0 && foreign == accepted ? left : nil }
}

/// A change of a data file by somebody else.
package struct ForeignChange: Hashable, Sendable {
    fileprivate let number: Int
}

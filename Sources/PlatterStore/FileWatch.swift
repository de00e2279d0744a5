/// Notices when somebody else changes a file that is open. Pure: it is told what the file looks like
/// before and after each change of our own, and whenever somebody is about to use it.
///
/// While changes of our own are under way, and for an instant afterwards, the stamp says nothing of changes
/// by others. Then it counts whether another process has written, which not every system tells. Where it is not
/// told of a file that others have just changed, each look in that instant counts as another change.
struct FileWatch {
    /// What we left the file like; nil when that is not known.
    private var left: FileStamp?
    private var changing = 0
    private var isSettled = true
    /// The last change that shows was not ours.
    private var isLeftByOthers = false
    /// Of what `isUnclear` was asked last: whether the change that it shows is further back than the clock's step,
    /// and whether others may have written in the instant of the one before without a trace.
    private var isFoundSettled = false
    private var mayHideOthers = false
    private var foreign = 0
    private var accepted = 0

    init(left: FileStamp?) { self.left = left }

    /// Whether it must be asked if others have written, to make sure of a look.
    ///
    /// - Parameter isSettled: See `FileStamp.isSettled`.
    mutating func isUnclear(_ stamp: FileStamp, isSettled: () -> Bool) -> Bool {
        mayHideOthers = false
        if changing > 0 { return true }
        if stamp != left {
            isFoundSettled = isSettled()
            return true
        }
        // Before this last look somebody may have written in the same instant as the last change.
        let wasSettled = self.isSettled
        if !wasSettled { self.isSettled = isSettled() }
        mayHideOthers = !wasSettled && isLeftByOthers
        return !wasSettled
    }

    /// The file is about to be used, or changed by us.
    ///
    /// - Parameter othersWrote: Since it was last asked, which comes after the stamp was taken; nil when that
    ///   is not told.
    mutating func look(_ stamp: FileStamp, othersWrote: Bool? = false) {
        if changing == 0, stamp != left {
            foreign += 1
            left = stamp
            isSettled = isFoundSettled
            isFoundSettled = false
            isLeftByOthers = true
        } else if othersWrote ?? mayHideOthers {
            foreign += 1
        }
    }

    /// From now on it is told what others write, but not what they did in the instant of a change before that.
    mutating func beginsToHear() {
        if isLeftByOthers, !isSettled { foreign += 1 }
    }

    mutating func willChange(_ stamp: FileStamp, othersWrote: Bool? = false) {
        look(stamp, othersWrote: othersWrote)
        changing += 1
    }

    /// - Parameter stamp: nil when it could not be had: the next look finds a change.
    mutating func didChange(_ stamp: FileStamp?, othersWrote: Bool = false) {
        changing -= 1
        if othersWrote { foreign += 1 }
        if changing == 0 { (left, isSettled, isLeftByOthers) = (stamp, false, false) }
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

/// The edge that faces the disk: data files by offset, the index of what they hold, and nothing
/// that decides. The index alone says which bytes are there; a file's size or existence never does.

package import PlatterCore

/// Where data files live. The seam at which tests make operations fail.
package protocol Disk: Sendable {
    /// A new, empty file.
    func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile

    /// The same object for as long as one is in use, so that a file knows all changes of our own.
    ///
    /// - Parameter left: What the file was like when it was last used. If it is not like that now, it
    ///   has a foreign change from the start; so it has when this is nil.
    /// - Throws: `.missing` when there is none, `.notOurs` for anything but a regular file.
    func openFile(_ name: DataFileName, left: FileStamp?) throws(DiskError) -> any DataFile

    /// Whether there is certainly no file of that name. Opens nothing; false when it cannot be told.
    func lacksFile(_ name: DataFileName) -> Bool

    /// Detaches files in use that do not have this name any more, before another one is made of it: of them nothing
    /// is to be recorded then.
    func detachFiles(without name: DataFileName)

    /// Takes the name away. Who has the file open reads on.
    ///
    /// - Throws: `.missing` when there is none.
    func removeFile(_ name: DataFileName) throws(DiskError)

    /// The names of all data files in one of the 256 folders, in no order. For finding files that
    /// no entry owns, a folder at a time.
    func fileNames(inFolder folder: UInt8) throws(DiskError) -> [DataFileName]

    func space() throws(DiskError) -> DiskSpace

    /// Whether the room of a range can be given back. Where it cannot, room comes back with whole files.
    /// May change: a file can show that it cannot after all, and the folder may be on another file system
    /// after it was restored.
    var punchesHoles: Bool { get }

    /// Whether the folder is where it was opened: not removed, moved away or unmounted. Asks the file
    /// system.
    var isInPlace: Bool { get }

    /// Makes the folder again, or what is missing in it, if it is not in its place any more; but never
    /// on another file system than before.
    ///
    /// - Returns: Whether that was needed.
    /// - Throws: `.notOurs` when another file system or somebody else's folder is there now, `.inUse`
    ///   when another process has made the folder meanwhile.
    func restore() throws(DiskError) -> Bool

    /// Gives a little room back that was kept for a full disk: without it the index could not even
    /// delete the rows of what is to be evicted.
    ///
    /// - Returns: Whether there was some.
    func dropBallast() -> Bool

    /// Takes that room again, if there is enough.
    func takeBallast()
}

/// One open data file. Closed when the last reference goes away.
package protocol DataFile: AnyObject, Sendable {
    /// For messages only.
    var path: String { get }

    /// For sendfile. Valid while this object lives; the caller never closes it.
    var fileDescriptor: Int32 { get }

    /// Writes all bytes. After an error any part of them may be in the file.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError)

    /// Fills the buffer as far as the file reaches.
    ///
    /// - Returns: The number of bytes read; fewer than asked for only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(DiskError) -> Int

    /// The same from the disk itself, where the system can: in memory bytes are still right that were lost
    /// on their way there. Slow, and keeps nothing in memory.
    func readFromDisk(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int

    /// Whether the bytes can be read without waiting for the disk. True where that cannot be told.
    func isResident(_ range: ByteRange) -> Bool

    /// `read`, if all of it can be read without waiting for the disk, as `isResident` says.
    ///
    /// - Returns: nil when it cannot; what is in the buffer then means nothing.
    func readResident(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int?

    /// Whether all that was written in the range since the file was opened is known to be on the disk
    /// itself, or is taken for granted by nobody.
    func isSettled(_ range: ByteRange) -> Bool

    /// Waits until all that was written is on the disk itself. May take long.
    ///
    /// - Throws: When bytes may be lost, once: to ask again would find nothing wrong. From then on the
    ///   file has a foreign change.
    func settle() throws(DiskError)

    /// Reserves room, so that writes in the range do not fail for want of it. Does nothing where
    /// the file system cannot, where it would cost memory at once, or where it could not be given back.
    func allocate(_ range: ByteRange) throws(DiskError)

    /// Gives the room of a range back. The file's size stays; the bytes are zeros afterwards.
    ///
    /// - Throws: `.unsupported` where the file system cannot.
    func punch(_ range: ByteRange) throws(DiskError)

    /// Whether a byte of the range was given back since the file was opened, and not written again: it is
    /// a zero, whatever the index says of it.
    func wasPunched(in range: ByteRange) -> Bool

    func status() throws(DiskError) -> FileStatus

    /// Whether somebody else has changed the file since what was known of it was last checked: a
    /// program or person that wrote to it, or a file put in its place; or bytes of ours got lost.
    ///
    /// - Returns: nil when not. Else what to `accept` once nothing is trusted that was known before.
    func foreignChange() throws(DiskError) -> ForeignChange?

    /// `status` and `foreignChange`, both of one instant.
    func look() throws(DiskError) -> FileLook

    /// What was known of the content before this change is not trusted any more.
    func accept(_ change: ForeignChange)

    /// How many foreign changes were seen since the file was opened.
    var foreignChangeCount: Int { get }

    /// Up to which of them changes were accepted. What the index said before the last one was is not
    /// to be believed after it.
    var acceptedChangeCount: Int { get }

    /// Whether another file was opened under its name since it was opened, or is about to be made. Then what the
    /// index says is of that one: of this one nothing is to be recorded, and nothing read by it. For good.
    var isDetached: Bool { get }

    /// For the index, to tell after a restart whether somebody has changed the file meanwhile; nil
    /// while that is not to be told.
    var stamp: FileStamp? { get }
}

extension DataFile {
    package func readResident(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int? {
        let range = ByteRange.starting(at: offset, length: Int64(buffer.count))
        return isResident(range) ? try read(into: buffer, at: offset) : nil
    }

    package func look() throws(DiskError) -> FileLook {
        FileLook(status: try status(), foreignChange: try foreignChange())
    }
}

/// What a look at an open file shows.
package struct FileLook: Sendable {
    package let status: FileStatus
    /// As of `DataFile.foreignChange`.
    package let foreignChange: ForeignChange?
}

/// What the file system says of an open file. Never an answer to "which bytes are there".
package struct FileStatus: Hashable, Sendable {
    /// Bytes up to the end of the file, holes included.
    package let size: Int64
    /// 0 when the name is gone.
    package let linkCount: UInt64
    /// Bytes of disk in use.
    package let allocatedBytes: Int64

    package init(size: Int64, linkCount: UInt64, allocatedBytes: Int64) {
        self.size = size
        self.linkCount = linkCount
        self.allocatedBytes = allocatedBytes
    }
}

/// Room on the file system, in bytes.
package struct DiskSpace: Hashable, Sendable {
    /// What we may still write: without what is kept for the administrator.
    package let free: Int64
    package let total: Int64

    package init(free: Int64, total: Int64) {
        self.free = free
        self.total = total
    }
}

package import PlatterCore
package import PlatterStore

/// A file that hands on to another what is asked of it, but for what its type does itself. What is read from the disk
/// is read as all else is.
package protocol HandingOnFile: DataFile {
    var file: any DataFile { get }
}

extension HandingOnFile {
    package var path: String { file.path }
    package var fileDescriptor: Int32 { file.fileDescriptor }

    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(DiskError) {
        try file.write(bytes, at: offset)
    }

    package func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int { try file.read(into: buffer, at: offset) }

    package func readFromDisk(
        into buffer: UnsafeMutableRawBufferPointer, at offset: Int64
    ) throws(DiskError) -> Int { try read(into: buffer, at: offset) }

    package func isResident(_ range: ByteRange) -> Bool { file.isResident(range) }
    package func isSettled(_ range: ByteRange) -> Bool { file.isSettled(range) }
    package func settle() throws(DiskError) { try file.settle() }
    package func allocate(_ range: ByteRange) throws(DiskError) { try file.allocate(range) }
    package func punch(_ range: ByteRange) throws(DiskError) { try file.punch(range) }
    package func wasPunched(in range: ByteRange) -> Bool { file.wasPunched(in: range) }
    package func status() throws(DiskError) -> FileStatus { try file.status() }

    package func foreignChange() throws(DiskError) -> ForeignChange? { try file.foreignChange() }
    package func accept(_ change: ForeignChange) { file.accept(change) }
    package var foreignChangeCount: Int { file.foreignChangeCount }
    package var acceptedChangeCount: Int { file.acceptedChangeCount }
    package var isDetached: Bool { file.isDetached }
    package var stamp: FileStamp? { file.stamp }
}

import PlatterStore

/// The cache folder and its index, opened together.
struct Store: Sendable {
    let disk: PosixDisk
    let index: IndexWriter
    private let boot: String

    init(_ configuration: PlatterConfiguration) throws(PlatterError) {
        do throws(DiskError) {
            disk = try PosixDisk(root: configuration.directory)
        } catch {
            throw PlatterError(
                error.code == .inUse ? .folderInUse : .storage, "\(error.path): \(error.message)")
        }
        // Without a boot id nothing recorded so far is trusted unchecked.
        boot = (try? BootID.current()) ?? "unknown \(UInt64.random(in: .min ... .max))"
        do throws(IndexError) {
            index = try IndexWriter(path: disk.indexPath, boot: boot)
        } catch {
            throw PlatterError(.storage, error.description)
        }
    }

    func makeReader() throws(IndexError) -> IndexReader {
        try IndexReader(path: disk.indexPath, boot: boot)
    }

    func close() async {
        // Everything was committed; what is not checkpointed is in the WAL and read at the next start.
        try? await index.close()
    }
}

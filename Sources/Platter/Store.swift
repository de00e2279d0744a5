import Logging
import PlatterCache
import PlatterCore
import PlatterStore

/// The cache folder and its index, opened together.
struct Store: Sendable {
    let disk: PosixDisk
    let index: IndexWriter
    let latency: DiskLatency

    init(_ configuration: PlatterConfiguration, log: Logger) throws(PlatterError) {
        let latency = DiskLatency(clock: SystemClock(), log: log)
        self.latency = latency
        do throws(DiskError) {
            disk = try PosixDisk(root: configuration.directory, latency: latency)
        } catch {
            throw PlatterError(
                error.code == .inUse ? .folderInUse : .storage, "\(error.path): \(error.message)",
                setting: .directory)
        }
        if !PosixDisk.seesWriters {
            log.info(
                """
                What other programs write to the cache's files while Platter writes to them is not \
                seen on this system
                """)
        }
        if disk.lacksIndex {
            log.error(
                """
                The index of the cache is missing; its data files are removed, and fetched again when they \
                are wanted
                """, metadata: ["index": "\(disk.indexPath)"])
        }
        // Without a boot id nothing recorded so far is trusted unchecked.
        let boot = (try? BootID.current()) ?? "unknown \(UInt64.random(in: .min ... .max))"
        do throws(IndexError) {
            index = try Self.openIndex(of: disk, boot: boot, latency: latency)
        } catch {
            switch error.code {
            case .corrupt, .replaced, .struck, .busy, .full, .io, .readOnly, .cannotOpen:
                // Until there is an index, all requests go to the origin.
                index = IndexWriter(
                    path: disk.indexPath, boot: boot, latency: latency, without: error)
            case .lost, .newerSchema, .entryGone, .constraint, .closed, .other:
                throw PlatterError(.storage, error.explanation, setting: .directory)
            }
        }
    }

    private static func openIndex(
        of disk: PosixDisk, boot: String, latency: DiskLatency
    ) throws(IndexError) -> IndexWriter {
        do throws(IndexError) {
            return try IndexWriter(path: disk.indexPath, boot: boot, latency: latency)
        } catch {
            // What was kept for a full disk is enough to open it, and to begin to evict.
            guard error.code == .full, disk.dropBallast() else { throw error }
        }
        return try IndexWriter(path: disk.indexPath, boot: boot, latency: latency)
    }

    /// One that is asked all the time. Who is asked seldom would hold a lost index open until then.
    func makeReader() -> IndexReader {
        let reader = index.makeReader()
        reader.prepare()
        return reader
    }

    func close() async {
        // Everything was committed; what is not checkpointed is in the WAL and read at the next start.
        try? await index.close()
        disk.unlock()
    }
}

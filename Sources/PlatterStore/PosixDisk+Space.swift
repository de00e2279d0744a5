internal import CPlatter
internal import PlatterCore

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// How much room there is, whether it can be given back in pieces, and the little of it that is kept for a
/// full disk.
extension PosixDisk {
    static let ballastName = "ballast"
    /// Enough for the index to be opened, and to grow by while a hundred chunks are evicted [4 MiB].
    private static let ballastLength: Int64 = 4 << 20
    /// With less free room than this, or than a quarter of the disk where that is less, it is not taken [64 MiB].
    private static let ballastNeeds: Int64 = 64 << 20

    package func dropBallast() -> Bool {
        let answer = try? withFolder { (folder) throws(DiskError) in
            unlinkat(folder.root.number, Self.ballastName, 0)
        }
        return answer == 0
    }

    package func takeBallast() {
        guard let space = try? space(), space.free > min(Self.ballastNeeds, space.total / 4),
            let descriptor = try? withFolder({ (folder) throws(DiskError) in
                try folder.mendMarker()
                return try openDescriptor(
                    folder.root.number, Self.ballastName, flags: O_RDWR | O_CREAT | O_NOFOLLOW,
                    mode: 0o600, path: root + "/" + Self.ballastName)
            })
        else { return }
        defer { close(descriptor) }
        // Without it the cache only has less to go on with.
        _ = platter_allocate(descriptor, 0, Self.ballastLength)
    }

    package var punchesHoles: Bool { holes.isThere }

    static func hasHoles(_ folder: CacheFolder) -> Bool {
        let path = folder.path + "/" + CacheFolder.objectsName + "/" + HoleProbe.name
        // A disk that takes no file at this moment says nothing about it; the first hole will.
        return (try? HoleProbe.run(in: folder.objects, path: path).isThere) ?? true
    }

    package func space() throws(DiskError) -> DiskSpace {
        let status = try withFolder { (folder) throws(DiskError) in
            var status = statvfs()
            _ = try latency.measured(isRead: true) { () throws(DiskError) in
                try systemCall("ask for the free space", path: root) {
                    fstatvfs(folder.root.number, &status)
                }
            }
            return status
        }
        let block = Int64(clamping: status.f_frsize)
        return DiskSpace(
            free: Int64(clamping: status.f_bavail).multipliedClamped(by: block),
            total: Int64(clamping: status.f_blocks).multipliedClamped(by: block))
    }
}

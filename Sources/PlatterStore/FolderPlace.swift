#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Where the cache folder was when it was opened, so that it is never made again on another file
/// system: what lies under a mount point must not be filled up because what was mounted is gone.
struct FolderPlace: Sendable {
    /// Without symbolic links: one that leads nowhere does not tell where the folder was.
    let path: String
    private let device: UInt64
    /// The folder at or above it at which its file system is mounted; nil for that of `/`.
    private let mountPoint: String?

    /// - Parameter root: The folder that was found at the path.
    init(of path: String, held root: Descriptor) {
        let resolved = Self.resolved(path) ?? path
        self.init(path: resolved, device: root.identity?.device ?? 0, deviceAt: Self.device(at:))
    }

    /// - Parameter deviceAt: The file system of what lies at a path; nil when nothing does.
    init(path: String, device: UInt64, deviceAt: (String) -> UInt64?) {
        self.path = path
        self.device = device
        var top = path
        while let parent = Self.parent(of: top), deviceAt(parent) == device { top = parent }
        mountPoint = Self.parent(of: top) == nil ? nil : top
    }

    /// Whether a folder made at the path would be on a file system that it may be on.
    func mayHoldFolder(_ deviceAt: (String) -> UInt64? = FolderPlace.device(at:)) -> Bool {
        var nearest = path
        while deviceAt(nearest) == nil, let parent = Self.parent(of: nearest) { nearest = parent }
        return deviceAt(nearest).map { isAllowed($0, deviceAt) } ?? false
    }

    /// Whether a file system is that of the folder, or one that was mounted in its stead: its number may
    /// be another one then.
    func isAllowed(
        _ device: UInt64, _ deviceAt: (String) -> UInt64? = FolderPlace.device(at:)
    ) -> Bool {
        if device == self.device { return true }
        guard let mountPoint, let parent = Self.parent(of: mountPoint) else { return false }
        return deviceAt(mountPoint) == device && deviceAt(parent) != device
    }

    /// Which folder lies at a path, at the end of all symbolic links.
    static func identity(at path: String) -> FileIdentity? {
        var status = stat()
        return stat(path, &status) == 0 ? FileIdentity(status) : nil
    }

    static func device(at path: String) -> UInt64? { identity(at: path)?.device }

    private static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    private static func parent(of path: String) -> String? {
        guard path != "/", let slash = path.lastIndex(of: "/") else { return nil }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

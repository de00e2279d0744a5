#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// What becomes of a folder that is removed, moved away or unmounted while it is in use.
extension PosixDisk {
    package var isInPlace: Bool {
        // Without the lock at its path another process may take the folder as well.
        let isSame = try? withFolder { (folder) throws(DiskError) in
            guard isThere(folder), folder.hasLock else { return false }
            // Nothing else is lost with it; but without it the next start would have to guess whose all this is.
            if !folder.isReadOnly, !isUnlocked { try? folder.mendMarker() }
            return true
        }
        return isSame ?? false
    }

    /// Whether there are data files, and nothing that says of what they are: the index is missing, or empty.
    package var lacksIndex: Bool {
        let isMissing = try? withFolder { (folder) throws(DiskError) in
            var status = stat()
            let answer = fstatat(
                folder.root.number, CacheFolder.indexName, &status, AT_SYMLINK_NOFOLLOW)
            if answer != 0 { return errno == ENOENT }
            return status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
        }
        guard isMissing == true else { return false }
        return (UInt8.min...UInt8.max).contains { number in
            (try? fileNames(inFolder: number))?.isEmpty == false
        }
    }

    package func restore() throws(DiskError) -> Bool {
        if isUnlocked { throw DiskError(.inUse, "the folder was given up", path: root) }
        let folder = try withFolder { (folder) throws(DiskError) -> CacheFolder? in
            guard isThere(folder) else { return try openAnew() }
            return folder.isReadOnly ? try folder.reclaimed() : try folder.mended()
        }
        guard let folder else { return false }
        use(folder)
        // It may be on another file system, mounted in the stead of the one before.
        holes.set(Self.hasHoles(folder))
        return true
    }

    /// Opens the folder of the data files again, which is made if it is missing.
    func restoreObjects() throws(DiskError) {
        try withFolder { (folder) throws(DiskError) in
            // If this is the end of the program the next start is to know whose the folder is.
            try folder.mendMarker()
            let objects = try CacheFolder.openObjects(folder.root, path: root)
            use(objects: objects, in: folder.root)
        }
    }

    /// Whether the path still leads to the folder.
    private func isThere(_ folder: CacheFolder) -> Bool {
        guard let identity = FolderPlace.identity(at: root) else { return false }
        return identity == folder.root.identity
    }

    private func openAnew() throws(DiskError) -> CacheFolder {
        // A symbolic link may lead to another folder by now, and is followed; where it leads nowhere,
        // the folder is made where it was.
        let device = FolderPlace.device(at: root)
        guard device.map({ place.isAllowed($0) }) ?? place.mayHoldFolder() else {
            throw otherFileSystem
        }
        let opened = try CacheFolder.openRoot(device == nil ? place.path : root)
        // Something may have been mounted or unmounted since; nothing has been written yet.
        guard let identity = opened.identity, place.isAllowed(identity.device),
            identity == FolderPlace.identity(at: root)
        else { throw otherFileSystem }
        return try CacheFolder.claim(opened, path: root)
    }

    private var otherFileSystem: DiskError {
        DiskError(
            .notOurs,
            "the cache folder was on another file system, which is gone; mount it again, or restart "
                + "Platter to use the folder as it is now", path: root)
    }
}

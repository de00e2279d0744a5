internal import NIOConcurrencyHelpers

#if canImport(Darwin)
    internal import Darwin
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Data files by name: each in the folder of the first two digits.
extension PosixDisk {
    package func createFile(_ name: DataFileName) throws(DiskError) -> any DataFile {
        let path = path(of: name)
        let descriptor = try latency.measured { () throws(DiskError) in
            try createDescriptor(name, path: path)
        }
        let status = try? fileStatus(descriptor, path: path)
        let file = PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: false,
            reservesRoom: reservesRoom, holes: holes, left: status.map { FileStamp($0) },
            latency: latency)
        guard let file = try share(file, as: name) else { throw movedAway(path) }
        return file
    }

    private func movedAway(_ path: String) -> DiskError {
        DiskError(.missing, "somebody moves it away", path: path)
    }

    private func createDescriptor(
        _ name: DataFileName, path: String
    ) throws(DiskError) -> Int32 {
        for _ in 1...2 {
            do throws(DiskError) {
                return try createOnce(name, path: path)
            } catch {
                // Its folder was removed at that very instant, because the last file in it was.
                guard error.code == .missing else { throw error }
            }
        }
        // Somebody has removed the folder of them all.
        try restoreObjects()
        return try createOnce(name, path: path)
    }

    private func createOnce(_ name: DataFileName, path: String) throws(DiskError) -> Int32 {
        try withFolder { (folder) throws(DiskError) in
            let parent = try openFolder(folder.objects.number, name.folder, path: path)
            defer { close(parent) }
            return try openDescriptor(
                parent, name.text, flags: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600,
                path: path)
        }
    }

    /// Keeps the file findable for as long as it is in use, and detaches others of its name.
    ///
    /// - Returns: It, or the one that is in use already; nil when it is not under its name any more.
    private func share(
        _ file: PosixFile, as name: DataFileName
    ) throws(DiskError) -> PosixFile? {
        let shared: Result<PosixFile?, DiskError> = inUse.withLockedValue { inUse in
            detachOthers(of: name, in: &inUse).map { found in
                guard let found, file.isOne(of: found) else { return nil }
                let known = inUse[name, default: []].lazy.compactMap(\.file)
                if let same = known.first(where: { $0.isReadOnly == file.isReadOnly }) {
                    return same
                }
                if inUse.count >= Self.sweepCount {
                    inUse = inUse.filter { $0.value.contains { $0.file != nil } }
                }
                inUse[name, default: []].append(InUse(file: file))
                return file
            }
        }
        return try shared.get()
    }

    /// Looks which file has the name. Under the lock: else a look that was earlier could come later.
    ///
    /// - Returns: nil when there is none.
    private func detachOthers(
        of name: DataFileName, in inUse: inout [DataFileName: [InUse]]
    ) -> Result<stat?, DiskError> {
        let found: stat?
        do throws(DiskError) {
            found = try status(of: name)
        } catch {
            guard error.code == .missing else { return .failure(error) }
            found = nil
        }
        let kept = inUse[name]?.filter { one in
            guard let file = one.file else { return false }
            if let found, file.isOne(of: found) { return true }
            file.detach()
            return false
        }
        inUse[name] = kept.flatMap { $0.isEmpty ? nil : $0 }
        return .success(found)
    }

    private func status(of name: DataFileName) throws(DiskError) -> stat {
        let parent = try parent(of: name)
        defer { close(parent) }
        var status = stat()
        _ = try systemCall("look for it", path: path(of: name)) {
            fstatat(parent, name.text, &status, AT_SYMLINK_NOFOLLOW)
        }
        return status
    }

    /// Names of files not in use any more are dropped when so many are known [4096].
    private static let sweepCount = 4096

    package func openFile(
        _ name: DataFileName, left: FileStamp?
    ) throws(DiskError) -> any DataFile {
        let path = path(of: name)
        for _ in 1...Self.mostOpens {
            if let file = try openOnce(name, path: path, left: left) { return file }
        }
        throw movedAway(path)
    }

    /// Somebody may put another one in its place while it is being opened [3].
    private static let mostOpens = 3

    /// - Returns: nil when it is not under its name any more.
    private func openOnce(
        _ name: DataFileName, path: String, left: FileStamp?
    ) throws(DiskError) -> PosixFile? {
        let (descriptor, isReadOnly) = try latency.measured(isRead: true) { () throws(DiskError) in
            try descriptorOfFile(name, path: path)
        }
        let file = PosixFile(
            path: path, fileDescriptor: descriptor, isReadOnly: isReadOnly,
            reservesRoom: reservesRoom, holes: holes, left: left, latency: latency)
        guard try fileStatus(descriptor, path: path).st_mode & S_IFMT == S_IFREG else {
            throw DiskError(.notOurs, "it is not a regular file; remove it", path: path)
        }
        return try share(file, as: name)
    }

    private func descriptorOfFile(
        _ name: DataFileName, path: String
    ) throws(DiskError) -> (Int32, isReadOnly: Bool) {
        let parent = try parent(of: name)
        defer { close(parent) }
        // Without O_NONBLOCK a planted pipe could hold us up here.
        let flags = O_NOFOLLOW | O_NONBLOCK
        do throws(DiskError) {
            let descriptor = try openDescriptor(
                parent, name.text, flags: flags | O_RDWR, path: path)
            return (descriptor, isReadOnly: false)
        } catch {
            // A disk that was remounted read-only still serves what it has.
            guard error.code == .readOnly || error.code == .permission else { throw error }
        }
        let descriptor = try openDescriptor(
            parent, name.text, flags: flags | O_RDONLY, path: path)
        return (descriptor, isReadOnly: true)
    }

    package func lacksFile(_ name: DataFileName) -> Bool {
        do throws(DiskError) {
            _ = try latency.measured(isRead: true) { () throws(DiskError) in try status(of: name) }
            return false
        } catch {
            return error.code == .missing
        }
    }

    package func detachFiles(without name: DataFileName) {
        // When that cannot be told, none can be made either.
        _ = inUse.withLockedValue { detachOthers(of: name, in: &$0) }
    }

    package func removeFile(_ name: DataFileName) throws(DiskError) {
        let parent = try parent(of: name)
        defer { close(parent) }
        let path = path(of: name)
        _ = try latency.measured { () throws(DiskError) in
            try systemCall("remove it", path: path) { unlinkat(parent, name.text, 0) }
        }
        // A folder takes an inode too. One that is not empty stays.
        _ = try withFolder { (folder) throws(DiskError) in
            unlinkat(folder.objects.number, name.folder, AT_REMOVEDIR)
        }
    }

    package func fileNames(inFolder number: UInt8) throws(DiskError) -> [DataFileName] {
        let digits = String(number, radix: 16)
        let name = digits.count == 1 ? "0" + digits : digits
        do throws(DiskError) {
            return try withFolder { (folder) throws(DiskError) in
                try folderNames(folder.objects.number, name, path: root + "/objects/" + name)
            }
            .compactMap(DataFileName.init)
            // Where another one's file was put nobody would find it.
            .filter { $0.folder == name }
        } catch {
            // Folders are made with their first file.
            guard error.code == .missing else { throw error }
            return []
        }
    }

    private func path(of name: DataFileName) -> String {
        root + "/objects/" + name.folder + "/" + name.text
    }

    private func parent(of name: DataFileName) throws(DiskError) -> Int32 {
        try withFolder { (folder) throws(DiskError) in
            try openDescriptor(
                folder.objects.number, name.folder, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                path: path(of: name))
        }
    }
}

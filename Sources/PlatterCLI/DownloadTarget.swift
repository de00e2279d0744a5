import Foundation

/// Where a download goes: `FILE.part` until all of it is there, with the entity tag beside it. Held by
/// one process at a time.
struct DownloadTarget {
    /// Why nothing can be put there, and what to do.
    struct Flaw: Error, CustomStringConvertible {
        let description: String
    }

    private let output: String
    private let file: FileHandle

    private var part: String { output + ".part" }
    private var tag: String { output + ".part.etag" }

    /// Symbolic links that lead to one another, at most [40].
    private static let linkLimit = 40

    /// What names no file; `-` would be standard output.
    static func isName(_ output: String) -> Bool { !output.isEmpty && output != "-" }

    /// Where the file really is, or will be: at the end of the symbolic links, if it is one. Looks before
    /// anything is fetched: at the end it would be too late.
    static func place(of output: String) throws(Flaw) -> String {
        var status = stat()
        let isThere = stat(output, &status) == 0
        // Among others what the kernel forbids: a link of somebody else in a folder of all.
        if !isThere, errno != ENOENT { throw flaw("look at", output) }
        if isThere {
            guard status.st_mode & S_IFMT != S_IFDIR else {
                throw Flaw(description: "\(output) is a folder; name a file in it")
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw Flaw(description: "\(output) is no regular file")
            }
        }
        let place = try end(ofLinks: output)
        if isThere {
            // Links of /proc lead to what is open, which may have no name any more.
            var found = stat()
            guard lstat(place, &found) == 0, found.st_ino == status.st_ino,
                found.st_dev == status.st_dev
            else { throw Flaw(description: "\(output) leads to a file without a name") }
        }
        let parent = folder(of: place)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: parent, isDirectory: &isFolder),
            isFolder.boolValue
        else { throw Flaw(description: "there is no folder \(parent); make it first") }
        guard FileManager.default.isWritableFile(atPath: parent) else {
            throw Flaw(description: "cannot write in \(parent); check its permissions")
        }
        return place
    }

    private static func end(ofLinks path: String) throws(Flaw) -> String {
        var place = path
        for _ in 0...linkLimit {
            var status = stat()
            guard lstat(place, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else {
                return place
            }
            let target: String
            do {
                target = try FileManager.default.destinationOfSymbolicLink(atPath: place)
            } catch {
                throw Flaw(description: "cannot read the link \(place): \(reason(error))")
            }
            if target.hasPrefix("/") {
                place = target
            } else {
                let slash = place.lastIndex(of: "/")
                place = (slash.map { String(place[...$0]) } ?? "") + target
            }
        }
        throw Flaw(description: "\(path): too many symbolic links")
    }

    /// Foundation's own way ends the program for names of one character.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func name(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
    }

    /// Opens the file and keeps others from writing it until `close`.
    init(_ output: String) throws(Flaw) {
        self.output = output
        let part = output + ".part"
        while true {
            let number = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard number >= 0 else { throw Self.flaw("open", part) }
            guard flock(number, LOCK_EX | LOCK_NB) == 0 else {
                _ = Foundation.close(number)
                throw Flaw(description: "another `platter get` is writing \(part)")
            }
            if Self.isStill(number, part) {
                file = FileHandle(fileDescriptor: number, closeOnDealloc: false)
                return
            }
            // Another process has finished it in between, and it has its last name by now.
            _ = Foundation.close(number)
        }
    }

    private static func isStill(_ number: Int32, _ path: String) -> Bool {
        var (opened, named) = (stat(), stat())
        guard fstat(number, &opened) == 0, stat(path, &named) == 0 else { return false }
        return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }

    /// Why, in the words of the system, where it is one of its calls that failed.
    private static func reason(_ error: any Error) -> String {
        let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
        if let cause = cause.map({ $0 as NSError }), cause.domain == NSPOSIXErrorDomain,
            let number = Int32(exactly: cause.code)
        {
            return String(cString: strerror(number))
        }
        let text = error.localizedDescription
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    private static func flaw(_ action: String, _ path: String) -> Flaw {
        Flaw(description: "cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }

    /// What an earlier try left: bytes, and the entity tag that they belong to.
    var begun: (size: Int64, etag: String)? {
        guard let etag = try? String(contentsOfFile: tag, encoding: .utf8),
            let size = try? file.seekToEnd(), size > 0
        else { return nil }
        return (Int64(clamping: size), etag)
    }

    /// What the same command does when it is given again.
    enum Resumption: CustomStringConvertible {
        case goesOn, beginsAnew

        var description: String {
            switch self {
            case .goesOn: "the same command goes on there"
            case .beginsAnew: "the same command begins anew"
            }
        }
    }

    /// Only with a strong entity tag a later response is known to be of the same bytes (RFC 9110 section 13.1.5).
    var resumption: Resumption {
        begun.map { !$0.etag.hasPrefix("W/") } ?? false ? .goesOn : .beginsAnew
    }

    /// What comes is written from `offset` on.
    func begin(at offset: Int64, etag: String?) throws(Flaw) {
        do {
            if offset == 0 { try file.truncate(atOffset: 0) }
            try file.seek(toOffset: UInt64(clamping: offset))
            if let etag {
                try etag.write(toFile: tag, atomically: true, encoding: .utf8)
            } else {
                // Of another version than what was there, perhaps.
                try? FileManager.default.removeItem(atPath: tag)
            }
        } catch {
            throw Flaw(description: "cannot write \(part): \(Self.reason(error))")
        }
    }

    func write(_ data: Data) throws(Flaw) {
        do {
            try file.write(contentsOf: data)
        } catch {
            throw Flaw(
                description: "cannot write \(part): \(Self.reason(error)); "
                    + "make room, then \(resumption)")
        }
    }

    /// Nothing came of it. What holds bytes is of an earlier try, or not ours.
    func discard() {
        var status = stat()
        guard fstat(file.fileDescriptor, &status) == 0, status.st_size == 0 else { return }
        _ = unlink(part)
    }

    /// All of it is there.
    func finish() throws(Flaw) {
        try? FileManager.default.removeItem(atPath: tag)
        guard rename(part, output) == 0 else { throw Self.flaw("rename \(part) to", output) }
    }

    /// Others may write it from now on.
    func close() { try? file.close() }
}

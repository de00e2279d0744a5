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

    /// Looks before anything is fetched: at the end it would be too late.
    static func check(_ output: String) throws(Flaw) {
        guard !output.isEmpty, output != "-" else {
            throw Flaw(description: "name a file with -o; standard output cannot be resumed")
        }
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: output, isDirectory: &isFolder) {
            if isFolder.boolValue {
                throw Flaw(description: "\(output) is a folder; name a file in it")
            }
            let type = try? FileManager.default.attributesOfItem(atPath: output)[.type]
            // What a link points to stays as it is: the link is replaced.
            let isPlain = [.typeRegular, .typeSymbolicLink].contains(type as? FileAttributeType)
            guard isPlain else { throw Flaw(description: "\(output) is no regular file") }
        }
        let parent = folder(of: output)
        guard FileManager.default.fileExists(atPath: parent, isDirectory: &isFolder),
            isFolder.boolValue
        else { throw Flaw(description: "there is no folder \(parent); make it first") }
        guard FileManager.default.isWritableFile(atPath: parent) else {
            throw Flaw(description: "cannot write in \(parent); check its permissions")
        }
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
            throw Flaw(description: "cannot write \(part): \(error.localizedDescription)")
        }
    }

    func write(_ data: Data) throws(Flaw) {
        do {
            try file.write(contentsOf: data)
        } catch {
            throw Flaw(
                description: "cannot write \(part): \(error.localizedDescription); "
                    + "make room, then the same command goes on there")
        }
    }

    /// Nothing came of it.
    func discard() { _ = unlink(part) }

    /// All of it is there.
    func finish() throws(Flaw) {
        try? FileManager.default.removeItem(atPath: tag)
        guard rename(part, output) == 0 else { throw Self.flaw("rename \(part) to", output) }
    }

    /// Others may write it from now on.
    func close() { try? file.close() }
}

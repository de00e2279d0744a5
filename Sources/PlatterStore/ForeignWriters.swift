internal import CPlatter
internal import NIOConcurrencyHelpers

/// Tells which files other processes have written to, where the system says so (fanotify on Linux): one
/// queue for the whole process. What another process writes is in the queue before its call returns, so
/// that who asks afterwards learns of it. What it writes through a mapping of the file is not told.
final class ForeignWriters: Sendable {
    /// nil where the system has no such thing.
    static let shared: ForeignWriters? = {
        var queue: Int32 = -1
        return platter_writers_open(&queue) == 0 ? ForeignWriters(queue: queue) : nil
    }()

    /// What the system calls a file.
    fileprivate struct Key: Hashable, Sendable {
        let bytes: [UInt8]
    }

    /// Of the descriptors of one file, which share what is told of it.
    private struct Watched {
        var users = 1
        var count: UInt64 = 0
    }

    private let queue: Int32
    private let files = NIOLockedValueBox<[Key: Watched]>([:])

    private init(queue: Int32) { self.queue = queue }

    /// - Returns: nil when the file's system does not tell, or too many files are watched.
    func watch(_ descriptor: Int32) -> WatchedWriters? {
        var bytes = [UInt8](repeating: 0, count: Int(PLATTER_FILE_KEY_SIZE))
        var length = 0
        // Under the lock, so that what is told at once finds its file.
        let key: Key? = files.withLockedValue { files in
            guard platter_writers_add(queue, descriptor, &bytes, &length) == 0 else { return nil }
            let key = Key(bytes: Array(bytes.prefix(length)))
            if files[key] == nil { files[key] = Watched() } else { files[key]?.users += 1 }
            return key
        }
        return key.map { WatchedWriters(all: self, key: $0, count: count(of: $0)) }
    }

    fileprivate func unwatch(_ key: Key, _ descriptor: Int32) {
        files.withLockedValue { files in
            guard let file = files[key] else { return }
            if file.users > 1 {
                files[key]?.users -= 1
            } else {
                files[key] = nil
                // It fails where the file is gone, and its mark with it.
                _ = platter_writers_remove(queue, descriptor)
            }
        }
    }

    /// How often others were seen to have written, up to now.
    fileprivate func count(of key: Key) -> UInt64 {
        files.withLockedValue { files in
            let problem = withUnsafeMutablePointer(to: &files) { files in
                platter_writers_drain(
                    queue,
                    { context, bytes, length in
                        let files = context.assumingMemoryBound(to: [Key: Watched].self)
                        let key = bytes.map {
                            Key(bytes: Array(UnsafeBufferPointer(start: $0, count: length)))
                        }
                        ForeignWriters.note(key, in: &files.pointee)
                    }, files)
            }
            if problem != 0 { Self.note(nil, in: &files) }
            return files[key]?.count ?? 0
        }
    }

    /// - Parameter key: nil: it may have been any.
    private static func note(_ key: Key?, in files: inout [Key: Watched]) {
        if let key {
            files[key]?.count &+= 1
        } else {
            for key in files.keys { files[key]?.count &+= 1 }
        }
    }
}

/// What `ForeignWriters` tells of one file.
struct WatchedWriters: Sendable {
    private let all: ForeignWriters
    private let key: ForeignWriters.Key
    private var count: UInt64

    fileprivate init(all: ForeignWriters, key: ForeignWriters.Key, count: UInt64) {
        self.all = all
        self.key = key
        self.count = count
    }

    /// Whether another process has written to the file since this was asked before.
    mutating func haveWritten() -> Bool {
        let before = count
        count = all.count(of: key)
        return count != before
    }

    /// To be called once, before the descriptor is closed that it was made for.
    func end(_ descriptor: Int32) { all.unwatch(key, descriptor) }
}

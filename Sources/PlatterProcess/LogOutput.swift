import Foundation

/// Where a log goes: a terminal, a file, a pipe or a socket, which may block or not.
struct LogOutput {
    let descriptor: Int32
    /// What was written last is no whole line.
    private var isTorn = false

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// Writes one line behind the other, as far as it goes. Waits for as long as nobody reads.
    ///
    /// - Returns: How many were written whole.
    mutating func write(_ lines: [String]) -> Int {
        let start = isTorn ? "\n" : ""
        let bytes = Array((start + lines.joined()).utf8)
        let count = bytes.withUnsafeBytes { write($0) }
        guard count > 0 else { return 0 }
        var end = start.utf8.count
        for (index, line) in lines.enumerated() {
            isTorn = count > end
            end += line.utf8.count
            if end > count { return index }
        }
        isTorn = false
        return lines.count
    }

    /// - Returns: How many bytes were written; fewer than all when no more can be.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        var position = 0
        while position < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            let count = Foundation.write(descriptor, rest.baseAddress, rest.count)
            if count >= 0 {
                position += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN, EWOULDBLOCK:
                guard waitForRoom() else { return position }
            default: return position
            }
        }
        return position
    }

    private func waitForRoom() -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // What poll finds wrong is told by the next write.
        return poll(&polled, 1, -1) >= 0 || errno == EINTR
    }
}

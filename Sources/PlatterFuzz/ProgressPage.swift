import Foundation
import PlatterCore

/// A page of memory that a worker shares with the process that watches it: what it wrote there last
/// outlives its death.
final class ProgressPage {
    struct State {
        /// The execution that runs, or ran last.
        var current: UInt64 = 0
        var done: UInt64 = 0
        var slowest: UInt64 = 0
        var slowestNanoseconds: Int64 = 0
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let page: UnsafeMutablePointer<State>

    /// Maps the file, which is made if need be.
    init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT, 0o600)
        guard descriptor >= 0 else { throw Failure(description: "cannot open \(path)") }
        defer { close(descriptor) }
        guard ftruncate(descriptor, off_t(MemoryLayout<State>.size)) == 0,
            let memory = mmap(
                nil, MemoryLayout<State>.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
            memory != MAP_FAILED
        else { throw Failure(description: "cannot map \(path)") }
        page = memory.bindMemory(to: State.self, capacity: 1)
    }

    deinit { munmap(page, MemoryLayout<State>.size) }

    var state: State { page.pointee }

    func begin(_ execution: UInt64) { page.pointee.current = execution }

    func end(_ execution: UInt64, took time: Duration) {
        page.pointee.done += 1
        let nanoseconds = time.nanosecondsClamped
        if nanoseconds > page.pointee.slowestNanoseconds {
            page.pointee.slowestNanoseconds = nanoseconds
            page.pointee.slowest = execution
        }
    }

    func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}

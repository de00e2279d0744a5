#if os(Linux)
    import CPlatter
    import Foundation
    import GRDB
    import PlatterCore
    import Testing

    @testable import PlatterStore

    /// Each in a process of its own: the handler is one of a process, and so is the count.
    @Suite("Memory shared of an index that is taken away")
    struct SharedMemoryLossTests {
        @Test("ends neither the process nor the index, and nothing is answered of it")
        func cut() async {
            await #expect(processExitsWith: .success) {
                var (index, entry) = try await survivingIndex()
                let reader = index.writer.makeReader()
                #expect(try reader.presence(of: entry.id, at: 0, upTo: 300) == .present(0..<100))
                for end in [200, 300] as [Int64] {
                    let before = platter_bus_errors_survived()
                    try #require(truncate(index.path + "-shm", 0) == 0)
                    let error = #expect(throws: IndexError.self) {
                        _ = try reader.presence(of: entry.id, at: 1, upTo: 400)
                    }
                    #expect(error?.code == .struck)
                    #expect(platter_bus_errors_survived() > before)
                    #expect(index.writer.loss?.code == .struck)
                    reader.letGo()
                    try await index.writer.renew()
                    let key = entry.representation.key
                    entry = try #require(try reader.entry(for: key))
                    try await index.writer.record([run(end - 100..<end)], in: entry.id)
                    #expect(
                        try reader.presence(of: entry.id, at: 0, upTo: 400) == .present(0..<end))
                }
                try await index.writer.close()
            }
        }

        @Test("fails the change that met it")
        func change() async {
            await #expect(processExitsWith: .success) {
                let (index, entry) = try await survivingIndex()
                try #require(truncate(index.path + "-shm", 0) == 0)
                let error = await #expect(throws: IndexError.self) {
                    try await index.writer.record([run(100..<200)], in: entry.id)
                }
                #expect(error?.code == .struck)
                try await index.writer.renew()
                let reader = index.writer.makeReader()
                let current = try #require(try reader.entry(for: entry.representation.key))
                #expect(
                    try reader.presence(of: current.id, at: 0, upTo: 300) == .present(0..<100))
                try await index.writer.record([run(100..<200)], in: current.id)
                try await index.writer.close()
            }
        }

        @Test("is noticed at the next look where nobody asks")
        func look() async {
            await #expect(processExitsWith: .success) {
                let (index, _) = try await survivingIndex()
                try touchBeyondTheEnd(of: index.path + "-other-shm")
                #expect(index.writer.loss == nil)
                index.writer.look()
                #expect(index.writer.loss?.code == .struck)
                try await index.writer.renew()
                index.writer.look()
                #expect(index.writer.loss == nil)
                try await index.writer.close()
            }
        }

        @Test(
            "costs no row of the log that the database has not, also where only the index of the log is gone"
        )
        func log() async {
            await #expect(processExitsWith: .success) {
                let (index, _) = try await survivingIndex()
                let count = 100_000
                let long = try await index.entry(
                    key: "http://origin/long", length: Int64(count) * 128 * kib, salt: 2)
                // A reader of what was before keeps the log from being copied meanwhile.
                var configuration = Configuration()
                configuration.allowsUnsafeTransactions = true
                let pin = try DatabaseQueue(path: index.path, configuration: configuration)
                try await pin.writeWithoutTransaction { db in
                    try db.execute(sql: "BEGIN")
                    _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM cache_chunks")
                }
                let runs = (0..<Int64(count)).map { run($0 * 128 * kib..<($0 * 128 + 64) * kib) }
                try await index.writer.record(runs, in: long.id)
                try await pin.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
                try pin.close()
                // The header stays, and says how long the log is, with the places of its first 990 pages.
                try #require(truncate(index.path + "-shm", 4096) == 0)
                let error = await #expect(throws: IndexError.self) {
                    try await index.writer.close()
                }
                #expect(error?.code == .struck)
                let writer = try IndexWriter(path: index.path, boot: "boot 1")
                let reader = writer.makeReader()
                let found = try #require(try reader.entry(for: long.representation.key))
                #expect(try reader.runs(of: found.id, limit: count + 1).count == count)
                try await writer.close()
            }
        }

        @Test("is zeros from then on where nothing can be read")
        func content() async {
            await #expect(processExitsWith: .success) {
                try #require(platter_survive_bus_errors() == 0)
                let folder = try TemporaryFolder()
                let bytes = try touchBeyondTheEnd(of: folder.path + "/a-shm")
                #expect(bytes.first == 7)
                #expect(bytes.dropFirst() == Array(repeating: 0, count: 2 * pageSize - 1)[...])
            }
        }

        @Test("is another matter than a page of any other file, which ends the process")
        func foreign() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                try #require(platter_survive_bus_errors() == 0)
                let folder = try TemporaryFolder()
                try touchBeyondTheEnd(of: folder.path + "/a-shm.mp4")
            }
        }

        @Test("a SIGBUS that somebody sends ends the process")
        func sent() async {
            await #expect(processExitsWith: .signal(SIGBUS)) {
                try #require(platter_survive_bus_errors() == 0)
                raise(SIGBUS)
            }
        }

        @Test("by many threads at once: what one of them writes is kept")
        func threads() async {
            await #expect(processExitsWith: .success) {
                try #require(platter_survive_bus_errors() == 0)
                let folder = try TemporaryFolder()
                for round in 0..<100 {
                    let memory = try Mapping(
                        of: folder.path + "/\(round)-shm", pages: 8, cutTo: 0)
                    DispatchQueue.concurrentPerform(iterations: 8) { thread in
                        for page in 0..<8 {
                            memory.set(page * pageSize + thread, UInt8(thread + 1))
                        }
                    }
                    for page in 0..<8 {
                        #expect((0..<8).allSatisfy { memory[page * pageSize + $0] == $0 + 1 })
                    }
                }
            }
        }
    }

    /// An index of a process that outlives it, with an entry of which 100 bytes are there.
    private func survivingIndex() async throws -> (TestIndex, EntryRecord) {
        try #require(platter_survive_bus_errors() == 0)
        let index = try TestIndex()
        let entry = try await index.entry()
        try await index.writer.record([run(0..<100)], in: entry.id)
        return (index, entry)
    }

    private var pageSize: Int { sysconf(Int32(_SC_PAGESIZE)) }

    /// A mapping of a file of two pages that is cut off after the first byte; the first byte of the second one is touched.
    @discardableResult
    private func touchBeyondTheEnd(of path: String) throws -> [UInt8] {
        let memory = try Mapping(of: path, pages: 2, cutTo: 1)
        return (0..<2 * pageSize).map { memory[$0] }
    }

    /// A shared mapping of a file of sevens that was cut off.
    ///
    /// Unchecked: the address never changes, and each thread writes to bytes of its own.
    private struct Mapping: @unchecked Sendable {
        private let bytes: UnsafeMutablePointer<UInt8>

        init(of path: String, pages: Int, cutTo length: Int) throws {
            try Data(repeating: 7, count: pages * pageSize).write(to: URL(fileURLWithPath: path))
            let descriptor = open(path, O_RDWR)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            let address = mmap(
                nil, pages * pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
            try #require(address != MAP_FAILED)
            bytes = try #require(address).assumingMemoryBound(to: UInt8.self)
            try #require(ftruncate(descriptor, off_t(length)) == 0)
        }

        subscript(index: Int) -> UInt8 { bytes[index] }

        func set(_ index: Int, _ value: UInt8) { bytes[index] = value }
    }
#endif

import PlatterCore
import PlatterStore
import Testing

@Suite("What a flight records")
struct RunRecorderTests {
    let grid: ChunkGrid

    init() throws {
        grid = try #require(ChunkGrid(chunkLength: 64 * kib, completeLength: 200 * kib))
    }

    @Test("pieces that follow each other are recorded as one run")
    func joins() {
        var recorder = RunRecorder(grid: grid)
        #expect(recorder.wrote(run(0..<100)).isEmpty)
        #expect(recorder.wrote(run(100..<250)).isEmpty)
        #expect(recorder.finish() == [run(0..<250)])
    }

    @Test("a run ends where its chunk ends")
    func chunkEnd() {
        var recorder = RunRecorder(grid: grid)
        _ = recorder.wrote(run(60 * kib..<64 * kib))
        _ = recorder.wrote(run(64 * kib..<70 * kib))
        #expect(recorder.finish() == [run(60 * kib..<64 * kib), run(64 * kib..<70 * kib)])
    }

    @Test("a piece elsewhere starts a run of its own")
    func gap() {
        var recorder = RunRecorder(grid: grid)
        _ = recorder.wrote(run(0..<10))
        _ = recorder.wrote(run(11..<20))
        #expect(recorder.finish() == [run(0..<10), run(11..<20)])
    }

    @Test("runs are due as soon as the flush length is held, and are handed out once")
    func flush() {
        var recorder = RunRecorder(grid: grid, flushLength: 1_000)
        #expect(recorder.wrote(run(0..<999)).isEmpty)
        #expect(recorder.wrote(run(999..<1_000)) == [run(0..<1_000)])
        #expect(recorder.wrote(run(1_000..<1_999)).isEmpty)
        #expect(recorder.finish() == [run(1_000..<1_999)])
        #expect(recorder.finish().isEmpty)
    }

    @Test("bytes are cut on the grid, and what lies beyond the end has no run")
    func pieces() {
        let bytes = content(60 * kib..<210 * kib)
        let pieces = bytes.withUnsafeBytes {
            RunRecorder.pieces(of: $0, at: 60 * kib, grid: grid)
        }
        #expect(
            pieces == [
                run(60 * kib..<64 * kib), run(64 * kib..<128 * kib), run(128 * kib..<192 * kib),
                run(192 * kib..<200 * kib),
            ])
    }
}

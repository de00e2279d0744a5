import Dispatch
import Foundation

/// SIGTERM and SIGINT as something to wait for.
actor TerminationSignals {
    private let sources: [any DispatchSourceSignal]
    private var arrivals: AsyncStream<Int32>.Iterator

    init() {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        arrivals = stream.makeAsyncIterator()
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { continuation.yield(number) }
            source.resume()
            return source
        }
    }

    /// The next one; nil when the task that waits was cancelled.
    func next() async -> Int32? {
        var iterator = arrivals
        defer { arrivals = iterator }
        return await iterator.next(isolation: self)
    }
}

import CPlatter
import Dispatch
import Foundation

/// SIGTERM, SIGINT and SIGHUP as something to wait for. None is lost from the moment on that this is made; one
/// in each program. SIGHUP stays ignored where it is (nohup).
package actor TerminationSignals {
    private let source: (any DispatchSourceRead)?
    private var arrivals: AsyncStream<Int32>.Iterator

    package init(_ numbers: [Int32] = [SIGTERM, SIGINT, SIGHUP]) {
        let (stream, continuation) = AsyncStream<Int32>.makeStream()
        arrivals = stream.makeAsyncIterator()
        var descriptor: Int32 = -1
        let wanted = numbers.filter { $0 != SIGHUP || platter_ignores_signal($0) == 0 }
        for number in wanted where platter_catch_signal(number, &descriptor) != 0 {
            // It ends the program at once then.
            signal(number, SIG_DFL)
        }
        guard descriptor >= 0 else {
            source = nil
            return
        }
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: .global())
        source.setEventHandler { [descriptor] in
            var number: UInt8 = 0
            while read(descriptor, &number, 1) == 1 { continuation.yield(Int32(number)) }
        }
        source.resume()
        self.source = source
    }

    /// The next one; nil when the task that waits was cancelled.
    package func next() async -> Int32? {
        var iterator = arrivals
        defer { arrivals = iterator }
        return await iterator.next(isolation: self)
    }
}

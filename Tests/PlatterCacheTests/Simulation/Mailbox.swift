import NIOConcurrencyHelpers
import NIOCore
import PlatterCore
import PlatterStore

@testable import PlatterCache

/// What comes to players from other threads.
final class Mailbox: Sendable {
    enum Mail: Sendable {
        case wake(Wakeup)
        /// The index has noted what the player asked it to, or not.
        case noted(isNoted: Bool)
        case head(status: Int, version: Int?, range: ByteRange?)
        case bytes(ByteBuffer)
        case passed(Bypass.Ending)
    }

    struct Letter: Sendable {
        let player: Int
        let round: Int
        let mail: Mail
    }

    private let letters = NIOLockedValueBox<[Letter]>([])

    var count: Int { letters.withLockedValue { $0.count } }

    func send(_ letter: Letter) { letters.withLockedValue { $0.append(letter) } }

    /// The next letter of the player whose turn it is: what comes to one stays in its order.
    func take(_ pick: (Int) -> Int) -> Letter? {
        letters.withLockedValue { letters in
            guard !letters.isEmpty else { return nil }
            let player = letters[pick(letters.count)].player
            let first = letters.firstIndex { $0.player == player }
            return first.map { letters.remove(at: $0) }
        }
    }

    func clear() { letters.withLockedValue { $0 = [] } }
}

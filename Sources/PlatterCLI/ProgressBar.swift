import Foundation
import PlatterProcess

/// A line on the terminal that grows; nothing where there is no terminal.
struct ProgressBar {
    private let name: String
    private let total: Int64?
    private let start: Int64
    private let startedAt = ContinuousClock.now
    private var shownAt: ContinuousClock.Instant?

    init(name: String, start: Int64, total: Int64?) {
        self.name = name
        self.start = start
        self.total = total
    }

    mutating func show(_ position: Int64) {
        guard Output.isErrorTerminal else { return }
        let now = ContinuousClock.now
        if let shownAt, now - shownAt < .milliseconds(100), position != total { return }
        shownAt = now
        let rate = TransferRate.bytesPerSecond(position - start, in: now - startedAt)
        var line = "\(name)  \(Output.bytes(position))"
        if let total, total > 0 {
            let share = Double(position) / Double(total)
            let cells = max(10, min(40, Output.width - name.count - 50))
            let full = Int(Double(cells) * min(1, share))
            let bar =
                String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
            line = "\(name)  \(bar) \(Int(share * 100)) %  \(Output.bytes(position))"
            // What takes longer than a year is of no use to anybody, nor does every number fit.
            if let rate, Double(total - position) / rate < 31_536_000 {
                let left = Int(Double(total - position) / rate)
                line += "  \(left / 60):\(String(format: "%02d", left % 60)) left"
            }
        }
        if let rate { line += "  \(Output.bytes(Int64(clamping: rate)))/s" }
        Output.error("\r\u{1B}[K" + line, terminator: "")
    }

    /// Leaves the line as it is and starts a new one.
    func end() {
        if shownAt != nil { Output.error("") }
    }
}

extension Int64 {
    /// The nearest number that there is.
    fileprivate init(clamping value: Double) {
        self = value >= 0x1p63 ? .max : value > -0x1p63 ? Int64(value) : .min
    }
}

/// How fast something goes, as people are shown it.
package enum TransferRate {
    /// What is measured for less time says nothing [0.5 s].
    private static let leastTime = Duration.milliseconds(500)

    /// - Parameters:
    ///   - bytes: What has come.
    ///   - time: Since the first was waited for.
    /// - Returns: Bytes a second; nil while too little is known to say so.
    package static func bytesPerSecond(_ bytes: Int64, in time: Duration) -> Double? {
        guard bytes > 0, time >= leastTime else { return nil }
        return Double(bytes) / (time / .seconds(1))
    }
}

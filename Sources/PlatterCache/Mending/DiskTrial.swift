import PlatterCore
import PlatterStore

extension Disk {
    /// Whether a new file can be made, written, put on the disk, read from there and removed. Blocks.
    var isWell: Bool {
        // A file without an entry: what a crash leaves of it is swept away.
        let trial = Representation(
            key: CacheKey("trial"), validator: .absent, completeLength: Int64(diskTrialLength))
        let name = DataFileName(trial, salt: .random(in: .min ... .max))
        do {
            let file = try createFile(name)
            defer { try? removeFile(name) }
            let bytes = [UInt8](repeating: 0x5A, count: diskTrialLength)
            try bytes.withUnsafeBytes { try file.write($0, at: 0) }
            try file.settle()
            var found = [UInt8](repeating: 0, count: diskTrialLength)
            let count = try found.withUnsafeMutableBytes { try file.readFromDisk(into: $0, at: 0) }
            return count == diskTrialLength && found == bytes
        } catch {
            return false
        }
    }
}

/// Bytes of the trial [64 KiB].
private let diskTrialLength = 64 << 10

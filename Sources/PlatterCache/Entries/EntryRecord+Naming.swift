package import Logging
import PlatterCore
import PlatterHTTP
package import PlatterStore

extension EntryRecord {
    /// What a line of the log says of which object it is about: as `platter ls` and `platter verify` name it.
    package var naming: Logger.Metadata {
        ["id": "\(id.rawValue)", "url": "\(representation.key.redactedURL)"]
    }

    /// The same with more.
    package func naming(_ more: Logger.Metadata) -> Logger.Metadata {
        naming.merging(more) { _, more in more }
    }
}

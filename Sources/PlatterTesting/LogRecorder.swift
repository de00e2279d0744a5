package import Logging
import NIOConcurrencyHelpers

/// Keeps what is logged, for tests that ask what people are told.
package struct LogRecorder: LogHandler {
    private let kept = NIOLockedValueBox<[LogEvent]>([])
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level

    /// - Parameter level: What is less is left out [notice].
    package init(level: Logger.Level = .notice) { logLevel = level }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) { kept.withLockedValue { $0.append(event) } }

    package var logger: Logger { Logger(label: "test") { _ in self } }

    package var events: [LogEvent] { kept.withLockedValue { $0 } }

    /// Level, message, and the fields by name.
    package var lines: [String] {
        events.map { event in
            let fields = (event.metadata ?? [:]).sorted { $0.key < $1.key }
            let text = fields.map { " \($0.key)=\($0.value)" }.joined()
            return "\(event.level): \(event.message)\(text)"
        }
    }
}

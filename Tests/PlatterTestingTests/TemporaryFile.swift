import Foundation

/// A file with these bytes, for as long as `body` runs.
func withTemporaryFile(
    _ bytes: [UInt8], _ body: (_ path: String) async throws -> Void
) async throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    try await body(url.path)
}

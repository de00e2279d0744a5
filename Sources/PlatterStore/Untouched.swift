/// That nobody else has changed a file since a moment, nor put another one in its place: what was read from
/// it then is what is in it.
package struct Untouched: Sendable {
    private let file: any DataFile
    private let count: Int

    /// From now on. What was changed before does not count, noticed or not.
    package init(_ file: any DataFile) {
        // A look that fails finds nothing; `holds` looks again.
        _ = try? file.foreignChange()
        self.file = file
        count = file.foreignChangeCount
    }

    /// Looks at the file.
    package var holds: Bool {
        do throws(DiskError) {
            _ = try file.foreignChange()
            return file.foreignChangeCount == count && !file.isDetached
        } catch {
            return false
        }
    }
}

import PlatterCore
import PlatterStore

/// What it is about that the disk took no bytes: all of it, so that the store is left alone for a while,
/// or one file, so that only what belongs into that one goes past the store.
enum Refusal: Hashable, Sendable {
    case disk
    case file
    /// The same error may mean either: it is of one file if another one can be made.
    case unclear

    init(_ code: DiskError.Code) {
        switch code {
        case .noSpace, .quota, .missing, .inUse, .io, .tooManyOpen: self = .disk
        case .tooLarge: self = .file
        case .readOnly, .permission, .exists, .notOurs, .truncated, .unsupported, .other:
            self = .unclear
        }
    }

    /// Looks at the disk where the error alone does not tell: makes another file and removes it. On a
    /// thread that may block.
    ///
    /// - Returns: Whether the error is about one file alone. One of the index never is.
    static func isOfFile(_ error: any Error, on disk: any Disk) -> Bool {
        guard let error = error as? DiskError else { return false }
        return switch Refusal(error.code) {
        case .disk: false
        case .file: true
        case .unclear: takesAnother(disk)
        }
    }

    private static func takesAnother(_ disk: any Disk) -> Bool {
        // Nobody asks for it. Should it stay behind, the sweep finds it.
        let nothing = Representation(key: CacheKey(""), validator: .absent, completeLength: 0)
        let name = DataFileName(nothing, salt: .random(in: .min ... .max))
        do {
            let file = try disk.createFile(name)
            defer { try? disk.removeFile(name) }
            try [UInt8(1)].withUnsafeBytes { (bytes) throws(any Error) in
                try file.write(bytes, at: 0)
            }
            return true
        } catch {
            return false
        }
    }
}

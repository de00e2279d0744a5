import ArgumentParser
import Foundation
import PlatterStore

/// A cache folder that a command looks at by itself, without the daemon.
struct ChosenFolder {
    let path: String

    /// - Throws: When there is no cache in it.
    init(_ path: String) throws {
        guard !path.isEmpty else {
            throw CleanExit.misuse("--cache-dir: name a folder for the cache")
        }
        // A link that leads nowhere is there, too.
        let found = try? FileManager.default.attributesOfItem(atPath: path + "/index.sqlite")
        guard found != nil else {
            throw CleanExit.failure("there is no cache in \(path)")
        }
        self.path = path
    }

    /// Runs what reads the folder; what goes wrong is said with what can be done.
    func read<Value>(_ body: () throws(IndexError) -> Value) throws -> Value {
        do throws(IndexError) {
            return try body()
        } catch {
            throw failure(error)
        }
    }

    func failure(_ error: IndexError) -> ExitCode {
        guard error.code == .corrupt else { return CleanExit.failure(error.explanation) }
        return CleanExit.failure(
            "\(error.explanation); or do it now, with "
                + "`platter verify --cache-dir \(path) --repair`")
    }

    func failure(_ error: DiskError) -> ExitCode {
        CleanExit.failure(
            error.code == .inUse
                ? "a daemon uses this folder; leave --cache-dir out to ask it"
                : "\(error.path): \(error.message)")
    }
}

import CPlatter
import Foundation
import PlatterProcess
import Testing

@Suite("Open files")
struct OpenFilesTests {
    @Test("the process may open as many as the system grants")
    func raise() {
        let before = limit()
        #expect(OpenFiles.raise() == UInt64(before.rlim_max))
        #expect(limit().rlim_cur == before.rlim_max)
        // Again, where there is nothing more to take.
        #expect(OpenFiles.raise() == UInt64(before.rlim_max))
    }

    private func limit() -> rlimit {
        var limit = rlimit()
        #if canImport(Glibc)
            #expect(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        #else
            #expect(getrlimit(RLIMIT_NOFILE, &limit) == 0)
        #endif
        return limit
    }
}

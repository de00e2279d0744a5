package import Logging
package import PlatterCache
package import PlatterStore

/// What every connection needs.
package struct ProxyServices: Sendable {
    package let routes: Routes
    package let table: EntryTable
    package let index: IndexWriter
    package let readers: ReaderServices
    package let bypass: Bypass
    package let damage: DamageWatch
    package let evictor: Evictor
    package let settler: Settler
    package let latency: DiskLatency
    package let disk: DiskWork
    /// Seconds since 1970.
    package let wallClock: @Sendable () -> Int64
    package let log: Logger

    package init(
        routes: Routes, table: EntryTable, index: IndexWriter, readers: ReaderServices,
        bypass: Bypass, damage: DamageWatch, evictor: Evictor, settler: Settler,
        latency: DiskLatency, disk: DiskWork, wallClock: @escaping @Sendable () -> Int64,
        log: Logger
    ) {
        self.routes = routes
        self.table = table
        self.index = index
        self.readers = readers
        self.bypass = bypass
        self.damage = damage
        self.evictor = evictor
        self.settler = settler
        self.latency = latency
        self.disk = disk
        self.wallClock = wallClock
        self.log = log
    }
}

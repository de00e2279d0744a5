package import PlatterCache

/// What the admin interface shows and may ask for.
package struct AdminServices: Sendable {
    let search: IndexSearch
    let streams: StreamRegistry
    let queue: FetchDispatcher
    let prefetcher: Prefetcher
    let scrub: Scrub
    /// Told when a person has had everything compared and all was right.
    let damage: DamageWatch
    /// Where players connect.
    let publicURL: String
    let connections: @Sendable () -> Int

    package init(
        search: IndexSearch, streams: StreamRegistry, queue: FetchDispatcher,
        prefetcher: Prefetcher, scrub: Scrub, damage: DamageWatch, publicURL: String,
        connections: @escaping @Sendable () -> Int
    ) {
        self.search = search
        self.streams = streams
        self.queue = queue
        self.prefetcher = prefetcher
        self.scrub = scrub
        self.damage = damage
        self.publicURL = publicURL
        self.connections = connections
    }
}

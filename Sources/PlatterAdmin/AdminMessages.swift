/// What the admin interface and the command line say to each other, as JSON.
package enum AdminMessages {
    /// A URL with its own header fields. POST /streams, POST /prefetch.
    package struct Stream: Codable, Sendable {
        package struct Field: Codable, Sendable {
            package var name: String
            package var value: String

            package init(name: String, value: String) {
                self.name = name
                self.value = value
            }
        }

        package var url: String
        package var headers: [Field]?

        package init(url: String, headers: [Field]) {
            self.url = url
            self.headers = headers
        }
    }

    /// The local URL of a stream.
    package struct Registered: Codable, Sendable {
        package var url: String
    }

    /// GET /status.
    package struct Status: Codable, Sendable {
        /// Where players connect.
        package var url: String
        package var connections: Int
        package var fetches: Int
        package var demands: Int
        package var waiting: Int
    }

    /// One object. GET /entries.
    package struct Entry: Codable, Sendable {
        package var id: Int64
        /// The URL, without its query, which may hold a secret.
        package var url: String
        /// Eight digits that stand for the query, and for the header fields that the object was asked for
        /// with; nil where there are none. They tell objects of one URL apart.
        package var query: String?
        package var fields: String?
        package var state: String
        package var completeLength: Int64
        package var presentBytes: Int64
        package var chunkLength: Int64
        package var contentType: String?
        /// Seconds since 1970.
        package var createdAt: Int64
        package var accessedAt: Int64

        package init(
            id: Int64, url: String, query: String?, fields: String?, state: String,
            completeLength: Int64, presentBytes: Int64, chunkLength: Int64, contentType: String?,
            createdAt: Int64, accessedAt: Int64
        ) {
            self.id = id
            self.url = url
            self.query = query
            self.fields = fields
            self.state = state
            self.completeLength = completeLength
            self.presentBytes = presentBytes
            self.chunkLength = chunkLength
            self.contentType = contentType
            self.createdAt = createdAt
            self.accessedAt = accessedAt
        }
    }

    /// A page of objects; `next` is the `after` of the page that follows, nil on the last.
    package struct Entries: Codable, Sendable {
        package var entries: [Entry]
        package var next: Int64?
    }

    /// One object and its runs. GET /entries/{id}.
    package struct EntryMap: Codable, Sendable {
        package var entry: Entry
        /// Pairs of first byte and the byte after the last, in order.
        package var present: [[Int64]]

        package init(entry: Entry, present: [[Int64]]) {
            self.entry = entry
            self.present = present
        }
    }

    /// A line of the answer to POST /verify, one after the other: how far it has come in bytes, and in
    /// the last one what was found, or why it ended.
    package struct Verification: Codable, Sendable {
        package var done: Int64
        package var total: Int64
        package var report: VerificationReport?
        package var error: String?

        package init(
            done: Int64, total: Int64, report: VerificationReport? = nil, error: String? = nil
        ) {
            self.done = done
            self.total = total
            self.report = report
            self.error = error
        }
    }

    /// What was compared with its checksums, and what is not as it was recorded.
    package struct VerificationReport: Codable, Sendable {
        package struct Damage: Codable, Sendable {
            package var id: Int64
            package var url: String
            /// The first byte, and the byte after the last.
            package var start: Int64
            package var end: Int64
        }

        /// A file that could not be opened.
        package struct File: Codable, Sendable {
            package var id: Int64
            package var url: String
            package var reason: String
        }

        package var entries: Int
        package var runs: Int
        package var bytes: Int64
        package var damaged: [Damage]
        /// Entries whose file is missing, is something else, or may not be read: as good as lost.
        package var withoutFile: [File]
        /// Entries whose file could not be opened now, or may neither be read nor removed. They are as they were.
        package var unopened: [File]
        package var indexFaults: [String]
        /// What is damaged was forgotten, and is fetched again when it is wanted.
        package var isRepaired: Bool

        package var isClean: Bool {
            damaged.isEmpty && withoutFile.isEmpty && unopened.isEmpty && indexFaults.isEmpty
        }
    }

    /// What went wrong, and what to do.
    package struct Problem: Codable, Sendable {
        package var error: String
    }
}

import PlatterHTTP

/// Why a request was not answered from the store, or not at all: the `detail` of `Cache-Status`
/// (RFC 9211 section 2.8). README lists what each word means.
enum StatusDetail: String, Hashable, Sendable, CaseIterable {
    // What is passed by the store on purpose.
    case authorization
    case notStored = "not-stored"
    case empty
    case unsatisfiable
    case challenge
    case changed
    // What the store cannot do now.
    case store = "store-unavailable"
    case index = "index-unavailable"
    case disk = "disk-error"
    case diskSlow = "disk-slow"
    case diskSuspect = "disk-suspect"
    // What the origin does not do.
    case originUnreachable = "origin-unreachable"
    case originTimeout = "origin-timeout"
    case originError = "origin-error"
    case originInvalid = "origin-invalid"
    case originCertificate = "origin-certificate"
    // Neither: too many others go past the store, the server ends.
    case crowded
    case stopping
    // What is wrong with the request itself.
    case malformed = "request-malformed"
    case method = "method-not-allowed"
    case unknown = "unknown-name"

    /// Something is broken that a person can mend.
    var isFaultOfStore: Bool {
        switch self {
        case .store, .index, .disk, .diskSlow, .diskSuspect: true
        case .authorization, .notStored, .empty, .unsatisfiable, .challenge, .changed, .crowded,
            .originUnreachable, .originTimeout, .originError, .originInvalid, .originCertificate,
            .stopping, .malformed, .method, .unknown:
            false
        }
    }
}

extension CacheStatus {
    /// A request for which nothing was looked for.
    init(refused detail: StatusDetail) { self.init(.refused, detail: detail.rawValue) }

    /// A request that went to the origin.
    init(
        forwarded reason: ForwardReason, status: Int? = nil, isStored: Bool = false,
        detail: StatusDetail? = nil
    ) {
        self.init(
            .forward(reason), forwardStatus: status, isStored: isStored, detail: detail?.rawValue)
    }
}

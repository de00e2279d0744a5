import PlatterCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#endif

/// What the origin has at a path.
package struct Resource: Hashable, Sendable {
    /// Where the bytes come from.
    package enum Content: Hashable, Sendable {
        case ramp(RampContent)
        /// A file of that many bytes.
        case file(path: String, length: Int64)
        /// The whole answer, head and all, the same to every request.
        case script([Step], ending: Ending)
    }

    package var content: Content
    package var contentType: String
    /// With its quotes; nil sends none.
    package var entityTag: String?
    /// Seconds since 1970; nil sends none.
    package var lastModified: Int64?

    /// 14 November 2023: old enough to be a strong validator.
    package static let defaultLastModified: Int64 = 1_700_000_000

    /// A ramp. Without an entity tag it gets a strong one that follows from length and seed.
    package static func ramp(
        length: Int64, seed: Int = 0, contentType: String = "video/mp4", entityTag: String? = nil,
        lastModified: Int64 = defaultLastModified
    ) -> Resource {
        let content = RampContent(length: length, seed: seed)
        return Resource(
            content: .ramp(content), contentType: contentType,
            entityTag: entityTag ?? "\"ramp-\(content.length)-\(seed)\"",
            lastModified: lastModified)
    }

    /// A regular file; its entity tag follows from size and modification time. nil when it is not
    /// there.
    package static func file(at path: String, contentType: String? = nil) -> Resource? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        let length = Int64(status.st_size)
        let tag = [length, Int64(modified.tv_sec), Int64(modified.tv_nsec)]
            .map { String($0, radix: 16) }.joined(separator: "-")
        return Resource(
            content: .file(path: path, length: length),
            contentType: contentType ?? MediaType.ofFile(named: path),
            entityTag: "\"\(tag)\"", lastModified: Int64(modified.tv_sec))
    }

    /// An answer written out by hand: raw bytes, pauses, and how the connection ends.
    package static func script(_ steps: [Step], ending: Ending = .finish) -> Resource {
        Resource(
            content: .script(steps, ending: ending), contentType: "", entityTag: nil,
            lastModified: nil)
    }

    /// Bytes of the representation; 0 for a script.
    package var length: Int64 {
        switch content {
        case .ramp(let ramp): ramp.length
        case .file(_, let length): length
        case .script: 0
        }
    }

    /// The step that sends `range`.
    func step(for range: ByteRange) -> [Step] {
        switch content {
        case .ramp(let ramp): [.ramp(ramp, range)]
        case .file(let path, _): [.file(path: path, range)]
        case .script: []
        }
    }
}

/// Media types by file name extension.
package enum MediaType {
    private static let table = [
        "aac": "audio/aac", "avi": "video/x-msvideo", "flac": "audio/flac", "html": "text/html",
        "jpg": "image/jpeg", "m3u8": "application/vnd.apple.mpegurl", "m4a": "audio/mp4",
        "m4s": "video/iso.segment", "m4v": "video/mp4", "mkv": "video/x-matroska",
        "mov": "video/quicktime", "mp3": "audio/mpeg", "mp4": "video/mp4",
        "mpd": "application/dash+xml", "ogg": "audio/ogg", "srt": "application/x-subrip",
        "ts": "video/mp2t", "vtt": "text/vtt", "wav": "audio/wav", "webm": "video/webm",
    ]

    /// `application/octet-stream` when the extension says nothing.
    package static func ofFile(named name: String) -> String {
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        return table[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }
}

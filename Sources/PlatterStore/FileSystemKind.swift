internal import CPlatter

/// What kind of file system a folder lies on, as far as that matters to a cache.
///
/// On those of a network locks may hold on one machine alone, memory that SQLite maps is not shared with the others,
/// and what another machine writes is seen late.
enum FileSystemKind: Hashable, Sendable {
    /// Of this machine, or not known to be anything else.
    case local
    /// Of a network: no place for a cache.
    case network(String)
    /// It may be of a network, or of another machine that this one runs on.
    case uncertain(String)

    /// - Parameter type: `f_type` of statfs(2), in 32 bits; 0 where there is no such thing.
    init(type: UInt32) {
        switch type {
        case 0x6969: self = .network("NFS")
        // Of the two clients for old servers, and the one for all later ones.
        case 0x517B, 0xFF53_4D42, 0xFE53_4D42: self = .network("SMB")
        case 0x00C3_6400: self = .network("Ceph")
        case 0x5346_414F, 0x6B41_4653: self = .network("AFS")
        case 0x6573_5546: self = .uncertain("FUSE")
        case 0x0102_1997: self = .uncertain("9p")
        default: self = .local
        }
    }

    /// Of an open file or folder; `.local` where it cannot be told.
    init(of descriptor: Descriptor) {
        var type: UInt32 = 0
        _ = platter_filesystem_type(descriptor.number, &type)
        self.init(type: type)
    }

    /// Why there can be no cache in a folder; nil: there can.
    var objection: String? {
        guard case .network(let name) = self else { return nil }
        return
            "the folder lies on \(name), a file system of a network; choose one on a disk of this machine"
    }

    /// What is worth a word about a cache folder.
    var warning: String? {
        guard case .uncertain(let name) = self else { return nil }
        return
            "The cache lies on \(name): if other machines reach that folder too, choose one on a disk of this machine"
    }
}

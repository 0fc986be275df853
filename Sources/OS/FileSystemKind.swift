internal import CShims

/// A kind of file system, by how far its inode numbers and change times can be believed.
public enum FileSystemKind: Sendable {
    /// The kernel gives the numbers and the times.
    case local
    /// In memory: the same, and `stat` gives the device that uprobes see.
    case memory
    /// They are those of another file system below, which an overlay does not name.
    case overlay
    /// A process or another host gives them (FUSE, NFS), or the kind is not known.
    case other

    public init(of descriptor: borrowing Descriptor) {
        // Linux, include/uapi/linux/magic.h; ZFS and bcachefs: their own sources.
        switch sniscope_file_system(descriptor.number) {
        // ext2 to 4, XFS, Btrfs, F2FS, ZFS, bcachefs; SquashFS, EROFS.
        case 0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x2fc1_2fc1, 0xca45_1a4e, 0x7371_7368, 0xe0f5_e1e2:
            self = .local
        // tmpfs, ramfs.
        case 0x0102_1994, 0x8584_58f6: self = .memory
        case 0x794c_7630: self = .overlay
        default: self = .other
        }
    }
}

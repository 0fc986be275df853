public import OS

/// Which file it is, and in which state: every write to a file, and every one that takes its place, gives another value.
///
/// It is what keeps one file's cached results from being taken for another's: a build ID, a size and sampled bytes can be
/// copied. So only numbers count that the kernel gave: a file system in user space says of its files what it likes.
public struct FileState: Sendable, Hashable {
    /// By the kernel's numbers, so that a file is the same one through an overlay.
    let device: UInt64
    let inode: UInt64
    let changedAt: Int64

    /// Nanoseconds.
    private static let settlingTime: Int64 = 100_000_000

    /// - Parameter below: Device and inode below an overlay, by the kernel's own numbers (major << 20 | minor): the
    ///   overlay's own device is another one for each container, and numbers of those that have gone are given again.
    /// - Returns: Nil where the file's numbers prove nothing, or it was changed just now, or in the future: results are not
    ///   to be cached.
    ///
    /// The clock of change times goes in steps of up to 10 ms: two changes within one can't be told apart.
    public init?(of file: RegularFile, below: @autoclosure () -> (device: UInt64, inode: UInt64)?) {
        guard Self.isSettled(file.status.changedAt) else { return nil }
        switch FileSystemKind(of: file.descriptor) {
        case .local, .memory:
            device = Self.kernelDevice(file.status.device)
            inode = file.status.inode
        case .overlay:
            // Major number 0: without a block device, so possibly a file system in user space, which a user may mount
            // an overlay on (Linux 5.11).
            guard let below = below(), below.device >> 20 != 0 else { return nil }
            device = below.device
            inode = below.inode
        case .other:
            return nil
        }
        changedAt = file.status.changedAt
    }

    /// One that does not fit stands for many.
    static func isSettled(_ changedAt: Int64) -> Bool {
        changedAt > .min && changedAt < Clock.realtime - settlingTime
    }

    /// `st_dev` (glibc's bits/sysmacros.h) as the kernel packs it.
    private static func kernelDevice(_ device: UInt64) -> UInt64 {
        let major = device >> 32 & 0xffff_f000 | device >> 8 & 0xfff
        let minor = device >> 12 & 0xffff_ff00 | device & 0xff
        return major << 20 | minor & 0xfffff
    }

    init(device: UInt64, inode: UInt64, changedAt: Int64) {
        self.device = device
        self.inode = inode
        self.changedAt = changedAt
    }
}

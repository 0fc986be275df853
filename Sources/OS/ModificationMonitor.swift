internal import Glibc

/// Tells, once each, when the content of watched files changes in place: written to, cut, punched, cloned over. It never
/// holds up who does it, and costs nobody anything but writers of watched files. Not seen: what is written through a
/// shared writable mapping, and what another machine writes to a network file system.
///
/// By inotify: to read an event of fanotify is to open its file, which a FUSE daemon may never answer; by file handles
/// instead, fanotify knows no overlay before Linux 6.6 and no subvolume of btrfs before 6.8. A watch keeps an inode in
/// memory: it is for files that something else keeps there anyway, and is to be removed when that lets go.
public final class ModificationMonitor: Sendable {
    /// A watched file; no number is given twice.
    public struct Watch: Sendable, Hashable {
        fileprivate let number: Int32
    }

    /// A file that can be asked for its size and watched again, whoever rewrites it.
    public final class Handle: Sendable {
        fileprivate let descriptor: Descriptor
        private let path: String

        /// - Returns: nil where another process or host would have to answer, which may take any time (FUSE, NFS).
        public init?(_ file: RegularFile) {
            if case .other = FileSystemKind(of: file.descriptor) { return nil }
            guard let descriptor = try? Descriptor.handle(file.descriptor.path) else { return nil }
            self.descriptor = descriptor
            path = file.path
        }

        /// Bytes, now.
        public var size: UInt64 { (try? FileStatus(descriptor: descriptor, path: path).size) ?? 0 }
    }

    public enum Report: Sendable, Hashable {
        /// It is no longer watched.
        case modified(Watch)
        /// Reports were dropped: any file may have been modified.
        case overflow
    }

    private let inotify: Descriptor

    /// - Throws: `SystemError` where the user has too many such monitors (fs.inotify.max_user_instances).
    public init() throws(SystemError) {
        inotify = try Descriptor(
            adopting: inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK)), "create", "an inotify instance")
    }

    /// Readable when there is something to `drain`.
    public var descriptor: Int32 { inotify.number }

    /// Watches an open file from here on; from any thread. Another descriptor of a file that is watched gives the same
    /// watch.
    /// - Throws: `SystemError` where the user watches too many files (fs.inotify.max_user_watches).
    public func watch(_ file: RegularFile) throws(SystemError) -> Watch {
        try watch(file.descriptor, file.path)
    }

    /// As for an open file.
    public func watch(_ file: Handle) throws(SystemError) -> Watch {
        try watch(file.descriptor, file.descriptor.path)
    }

    private func watch(_ descriptor: borrowing Descriptor, _ path: String) throws(SystemError) -> Watch {
        // Once: who writes all the time can't fill the queue.
        let number = inotify_add_watch(inotify.number, descriptor.path, UInt32(IN_MODIFY) | IN_ONESHOT)
        guard number >= 0 else { throw .last("watch", path) }
        return Watch(number: number)
    }

    /// Watches it no longer; from any thread.
    public func remove(_ watch: Watch) {
        // EINVAL: it was modified and is not watched any more.
        inotify_rm_watch(inotify.number, watch.number)
    }

    /// All that has come. For one thread.
    public func drain() -> [Report] {
        var reports: [Report] = []
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
            while true {
                let count = retrying { read(inotify.number, buffer.baseAddress, buffer.count) }
                guard count > 0 else { return }
                var offset = 0
                // struct inotify_event: wd, mask, cookie, len, and a name, which only folders' events have.
                while offset + 16 <= count {
                    let number = buffer.load(fromByteOffset: offset, as: Int32.self)
                    let mask = buffer.load(fromByteOffset: offset + 4, as: UInt32.self)
                    if mask & UInt32(IN_Q_OVERFLOW) != 0 {
                        reports.append(.overflow)
                    } else if mask & UInt32(IN_MODIFY) != 0 {
                        reports.append(.modified(Watch(number: number)))
                    }
                    offset += 16 + Int(buffer.load(fromByteOffset: offset + 12, as: UInt32.self))
                }
            }
        }
        return reports
    }
}

internal import CShims
internal import Glibc

/// What this process may do, and where it runs.
public enum Host {
    public static var pid: UInt32 { UInt32(getpid()) }
    public static var userID: UInt32 { getuid() }
    public static var effectiveUserID: UInt32 { geteuid() }
    public static var isRoot: Bool { effectiveUserID == 0 }

    /// Those that are online.
    public static var processorCount: Int { max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1) }

    /// "6.18.44".
    public static var kernelRelease: String {
        var name = utsname()
        uname(&name)
        return field(&name.release)
    }

    /// The kernel's major and minor version; nil where its release begins with no numbers.
    public static var kernelVersion: (Int, Int)? {
        let numbers = kernelRelease.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }

    /// "x86_64", "aarch64".
    public static var machine: String {
        var name = utsname()
        uname(&name)
        return field(&name.machine)
    }

    public static var name: String {
        var name = utsname()
        uname(&name)
        return field(&name.nodename)
    }

    /// The width in cells of the terminal behind a descriptor; nil where it is none.
    public static func terminalWidth(_ descriptor: Int32) -> Int? {
        let width = Int(sniscope_terminal_width(descriptor))
        return width > 0 ? width : nil
    }

    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Lets this process open as many files as its hard limit allows: each traced file keeps a descriptor.
    public static func raiseDescriptorLimit() {
        guard var limit = descriptors else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// How many files this process may have open.
    public static var descriptorLimit: Int { descriptors.map { Int(clamping: $0.rlim_cur) } ?? 1024 }

    private static var descriptors: rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }

    /// Has large blocks of memory go back to the kernel when they are given back: files are read in windows of 1 MB by a
    /// dozen threads, and glibc would keep some for each.
    public static func returnLargeBlocks() {
        sniscope_return_large_blocks()
    }

    /// Gives memory without anything in it back to the kernel, above all the calling thread's: after work that took much
    /// more than what comes usually.
    public static func returnFreePages() {
        sniscope_return_free_pages()
    }

    private static func field<Tuple>(_ tuple: inout Tuple) -> String {
        withUnsafeBytes(of: &tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}

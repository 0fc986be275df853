internal import CShims

/// A kind of namespace, namespaces(7).
public enum Namespace: String, Sendable {
    case mount = "mnt"
    case cgroup
    case uts
    case pid

    /// CLONE_NEW… of linux/sched.h.
    private var flag: Int32 {
        switch self {
        case .mount: 0x0002_0000
        case .cgroup: 0x0200_0000
        case .uts: 0x0400_0000
        case .pid: 0x2000_0000
        }
    }

    /// The number of the machine's first PID namespace, whose pids BPF programs report (Linux,
    /// include/linux/proc_ns.h, PROC_PID_INIT_INO).
    public static let firstPIDNamespace: UInt64 = 0xefff_fffc

    /// The namespace's number.
    /// - Parameter process: The process's folder in a /proc: "/proc/self", "/host/proc/1".
    /// - Throws: `isNotPermitted` without CAP_SYS_PTRACE over the process.
    public func number(ofProcess process: String) throws(SystemError) -> UInt64 {
        let path = "\(process)/ns/\(rawValue)"
        // "pid:[4026531836]"
        let target = try Files.linkTarget(path)
        guard target.hasPrefix(rawValue + ":["), let number = UInt64(target.drop { $0 != "[" }.dropFirst().dropLast())
        else { throw SystemError("understand", path, code: 0, hint: "it is no namespace") }
        return number
    }

    /// Moves this process into another one's namespaces. With a mount namespace come its root and working folder.
    /// - Parameter process: The process's folder in a /proc.
    /// - Throws: `isNotPermitted` without CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE. Where this process has more
    ///   than one thread, the kernel refuses a mount namespace (`EINVAL`).
    public static func enter(_ namespaces: [Namespace], ofProcess process: String) throws(SystemError) {
        // All are opened before the first is entered: the path may lead elsewhere then.
        var descriptors: [Int32] = []
        defer { for number in descriptors { _ = Descriptor(open: number) } }
        for namespace in namespaces {
            descriptors.append(try Descriptor.reading("\(process)/ns/\(namespace.rawValue)").release())
        }
        for (namespace, descriptor) in zip(namespaces, descriptors) {
            guard sniscope_enter_namespace(descriptor, namespace.flag) == 0 else {
                throw .last("enter", "\(process)/ns/\(namespace.rawValue)")
            }
        }
    }
}

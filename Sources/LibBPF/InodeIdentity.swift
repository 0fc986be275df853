internal import CEvents
internal import CLibbpf
internal import Glibc

/// Which file uprobes see: the inode below any overlay, by the kernel's own numbers.
public struct InodeIdentity: Hashable, Sendable {
    public let device: UInt64
    public let inode: UInt64

    public init(device: UInt64, inode: UInt64) {
        self.device = device
        self.inode = inode
    }
}

/// Asks the kernel for `InodeIdentity` (Linux 5.17). Usable from any thread.
public final class InodeIdentifier: @unchecked Sendable {
    // Used after `init` for its program's descriptor only.
    private let object: BPFObject
    private let program: Int32

    public init(image: [UInt8]) throws(BPFError) {
        object = try BPFObject(image: image, name: "file_identity")
        try object.load()
        program = try object.descriptor(ofProgram: "file_identity")
    }

    /// - Parameter descriptor: An open regular file. A page of it is mapped and never read, so that a file that is
    ///   cut meanwhile does no harm.
    /// - Returns: nil where the kernel gives no answer.
    public func identity(ofDescriptor descriptor: Int32) -> InodeIdentity? {
        let length = sysconf(Int32(_SC_PAGESIZE))
        let mapping = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { return nil }
        defer { munmap(mapping, length) }
        // EBUSY: another thread of ours changes its mappings just now.
        for _ in 0..<100 {
            var request = sniscope_file_identity()
            request.address = UInt64(UInt(bitPattern: mapping))
            var options = bpf_test_run_opts()
            options.sz = MemoryLayout<bpf_test_run_opts>.size
            options.ctx_size_in = UInt32(MemoryLayout<sniscope_file_identity>.size)
            let code = withUnsafeMutablePointer(to: &request) { pointer in
                options.ctx_in = UnsafeRawPointer(pointer)
                return bpf_prog_test_run_opts(program, &options)
            }
            guard code == 0 else { return nil }
            if request.result == 0 && request.inode != 0 {
                return InodeIdentity(device: request.device, inode: request.inode)
            }
            guard request.result == Int64(-EBUSY) else { return nil }
        }
        return nil
    }
}

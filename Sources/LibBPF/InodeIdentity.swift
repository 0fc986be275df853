internal import CEvents
internal import CLibbpf
internal import Glibc
internal import Synchronization

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
public final class InodeIdentifier: Sendable {
    private struct Program: @unchecked Sendable {
        // Kept for its program, whose descriptor any thread may use.
        let object: BPFObject
        let descriptor: Int32
    }

    private let image: @Sendable () -> [UInt8]
    private let program = Mutex<Result<Program, BPFError>?>(nil)

    /// Nothing is loaded before `load` or the first question.
    /// - Parameter image: The object file `file_identity`.
    public init(image: @escaping @Sendable () -> [UInt8]) {
        self.image = image
    }

    /// Loads the program.
    /// - Throws: `BPFError` where the kernel can't or may not.
    public func load() throws(BPFError) {
        _ = try loaded()
    }

    private func loaded() throws(BPFError) -> Int32 {
        let result = program.withLock { program in
            if let program { return program }
            let loaded = Result { () throws(BPFError) in
                let object = try BPFObject(image: image(), name: "file_identity")
                try object.load()
                return Program(object: object, descriptor: try object.descriptor(ofProgram: "file_identity"))
            }
            program = loaded
            return loaded
        }
        return try result.get().descriptor
    }

    /// - Parameter descriptor: An open regular file. A page of it is mapped and never read, so that a file that is
    ///   cut meanwhile does no harm.
    /// - Returns: nil where the kernel gives no answer.
    public func identity(ofDescriptor descriptor: Int32) -> InodeIdentity? {
        guard let program = try? loaded() else { return nil }
        let length = sysconf(Int32(_SC_PAGESIZE))
        let mapping = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { return nil }
        defer { munmap(mapping, length) }
        // EBUSY: another thread of ours changes its mappings just now. Without an answer a file of an overlay would be
        // taken for another one, and probed twice.
        for _ in 0..<1000 {
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
            usleep(50)
        }
        return nil
    }
}

internal import Glibc

/// A regular file opened for positioned reads. It may belong to a traced process: nothing in it is trusted, it is
/// never mapped (a truncation would fault the reader) and opening it never waits for a FIFO or takes a terminal.
public final class RegularFile: Sendable {
    public let descriptor: Descriptor
    public let status: FileStatus
    /// As it was opened; what is shown to users may be another path.
    public let path: String

    /// - Throws: `SystemError`; for something that is not a regular file its `hint` says what it is.
    public convenience init(path: String) throws(SystemError) {
        // O_PATH first: opening a device or a FIFO for reading can have effects, asking what it is has none.
        try self.init(handle: Descriptor.handle(path), path: path)
    }

    /// Opens what `handle` (O_PATH) stands for.
    /// - Parameter path: How messages call it.
    public init(handle: consuming Descriptor, path: String) throws(SystemError) {
        let status = try FileStatus(descriptor: handle, path: path)
        guard status.isRegular else {
            throw SystemError("read", path, code: 0, hint: "it is \(status.kindName), not a regular file.")
        }
        do throws(SystemError) {
            descriptor = try Descriptor.reading(handle.path)
        } catch {
            throw SystemError("open", path, code: error.code)
        }
        self.status = status
        self.path = path
    }

    /// Takes over an open descriptor.
    /// - Parameter path: How messages call it.
    public init(open descriptor: consuming Descriptor, path: String) throws(SystemError) {
        let status = try FileStatus(descriptor: descriptor, path: path)
        guard status.isRegular else {
            throw SystemError("read", path, code: 0, hint: "it is \(status.kindName), not a regular file.")
        }
        self.descriptor = descriptor
        self.status = status
        self.path = path
    }

    /// Reads at most `count` bytes at `offset`; fewer at the end of the file.
    public func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        guard let offset = Int(exactly: offset), count > 0 else { return [] }
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let target = buffer.baseAddress?.advanced(by: filled)
                let got = retrying { pread(descriptor.number, target, count - filled, offset + filled) }
                if got < 0 {
                    failure = .last("read", path)
                    return
                }
                if got == 0 { return }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

internal import Glibc

/// Reads of small files and folders, of /proc and of runtimes' state.
public enum Files {
    /// The whole of a file, read to its end (files of /proc have no size).
    /// - Parameter limit: Bytes; a longer file is an error (`EFBIG`), never cut in silence.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        var bytes: [UInt8] = []
        try read(path, limit: limit, into: &bytes)
        return bytes
    }

    /// As `read(_:limit:)`, into a buffer that is used again and again.
    public static func read(_ path: String, limit: Int, into bytes: inout [UInt8]) throws(SystemError) {
        bytes.removeAll(keepingCapacity: true)
        let file = try Descriptor.reading(path)
        while true {
            let start = bytes.count
            // Most files are small, and the room costs time too: in a build that is not optimised 20 ms for 32 KiB.
            let chunk = start < 4 << 10 ? 4 << 10 : 32 << 10
            var failure: SystemError?
            var got = 0
            // Most files are far smaller: the array grows by what there is.
            withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 1) { buffer in
                got = retrying { Glibc.read(file.number, buffer.baseAddress, buffer.count) }
                if got < 0 { failure = .last("read", path) }
                bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer.prefix(max(got, 0))))
            }
            if let failure { throw failure }
            if got == 0 { return }
            guard start + got <= limit else { throw tooLarge(path, limit) }
        }
    }

    /// The whole of a regular file that somebody else may have made. A FIFO or a device is not opened; symbolic links
    /// are followed. It waits for as long as the file's file system does.
    /// - Parameter limit: As for `read(_:limit:)`.
    public static func readRegular(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        try read(RegularFile(path: path), limit: limit)
    }

    /// As `readRegular(_:limit:)`, of a file in a folder that neither a symbolic link nor ".." leads out of: for state
    /// that other users keep.
    public static func readRegular(inRoot root: String, _ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        let handle = try Descriptor.handle(inRoot: root, path: path)
        return try read(RegularFile(handle: handle, path: root + "/" + path), limit: limit)
    }

    private static func read(_ file: RegularFile, limit: Int) throws(SystemError) -> [UInt8] {
        let bytes = try file.read(at: 0, count: limit + 1)
        guard bytes.count <= limit else { throw tooLarge(file.path, limit) }
        return bytes
    }

    private static func tooLarge(_ path: String, _ limit: Int) -> SystemError {
        SystemError("read", path, code: EFBIG, hint: "It is larger than \(limit) bytes.")
    }

    /// The target of a symbolic link.
    public static func linkTarget(_ path: String) throws(SystemError) -> String {
        var result = ""
        var length = 0
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(PATH_MAX)) { buffer in
            guard let target = buffer.baseAddress else { return }
            length = readlink(path, target, buffer.count)
            if length > 0 { result = String(decoding: buffer[..<length], as: UTF8.self) }
        }
        guard length >= 0 else { throw .last("read the link", path) }
        return result
    }

    /// The names in a folder, without `.` and `..`, in the folder's own order.
    /// - Parameter limit: At most so many; a folder of somebody else's can hold any number.
    public static func names(in folder: String, limit: Int = .max) throws(SystemError) -> [String] {
        guard let stream = opendir(folder) else { throw .last("list", folder) }
        defer { closedir(stream) }
        var names: [String] = []
        while names.count < limit, let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// True where anything, of whatever kind, stands at `path`.
    public static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }
}

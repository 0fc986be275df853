public import ELFImage

/// How musl's loader differs from glibc's (musl, ldso/dynlink.c): it has no cache.
public enum MuslLoader {
    static let defaultFolders = ["/lib", "/usr/local/lib", "/usr/lib"]
    private static let folderLimit = 64

    /// The folders in `/etc/ld-musl-ARCH.path`, which replace the default ones; nil where there is no such file.
    /// - Parameters:
    ///   - path: The loader's, such as `/lib/ld-musl-x86_64.so.1`. What stands before its folder stands before `/etc`
    ///     too.
    ///   - open: Opens an absolute path as the program would see it.
    public static func folders(ofLoader path: String, open: NeededResolver.Opener) -> [String]? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let prefix = path.hasPrefix("/") ? parts.dropLast(2).joined(separator: "/") : ""
        let architecture = (parts.last ?? "").dropFirst("ld-musl-".count).prefix { $0 != "." }
        guard let source = open("\(prefix)/etc/ld-musl-\(architecture).path"),
            let bytes = try? source.read(at: 0, count: 64 << 10)
        else { return nil }
        return String(decoding: bytes, as: UTF8.self).split { $0 == ":" || $0 == "\n" }
            .prefix(folderLimit).map(String.init).filter { $0.hasPrefix("/") }
    }

    /// True for the names under which objects need the C library: that is the loader itself, which searches for none
    /// of them. `libc.musl-x86_64.so.1` on Alpine, `libc.so` elsewhere.
    static func isItself(_ name: String) -> Bool {
        ["libc.", "libpthread.", "librt.", "libm.", "libdl.", "libutil.", "libxnet."].contains { name.hasPrefix($0) }
    }
}

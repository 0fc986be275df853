import ELFImage
import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

@Suite("What a program loads at its start")
struct LoaderTests {
    private static func open(_ path: String) -> (any ByteSource)? { try? RegularFile(path: path) }

    @Test(
        "The loader cache of this host is read as ldconfig prints it",
        .enabled(
            if: FileManager.default.isReadableFile(atPath: LoaderCache.path)
                && FileManager.default.isExecutableFile(atPath: "/sbin/ldconfig"),
            "needs glibc's ldconfig and its cache"))
    func cache() throws {
        let cache = try LoaderCache(try RegularFile(path: LoaderCache.path))
        let printed = try Tool.run("sh", "-c", "/sbin/ldconfig -p").split(separator: "\n").compactMap { line in
            line.contains(" => ") ? line.split(separator: " ").last.map(String.init) : nil
        }
        #expect(cache.entries.map(\.path) == printed)
        #expect(!cache.paths(of: "libc.so.6").isEmpty)
        #expect(cache.paths(of: "libnowhere.so.1").isEmpty)
    }

    /// A cache with one entry.
    private static func smallCache(before prefix: [UInt8] = []) -> [UInt8] {
        func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }
        let strings = Array("libx.so.1\0/opt/libx.so.1\0".utf8)
        return prefix + Array("glibc-ld.so.cache1.1".utf8) + number(1) + number(strings.count) + [2, 0, 0, 0]
            + [UInt8](repeating: 0, count: 16) + number(0x303) + number(72) + number(82) + number(0) + number(0)
            + number(0) + strings
    }

    @Test("The old format may stand in front of the cache")
    func oldPrefix() throws {
        let old = Array("ld.so-1.7.0\0".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 12 + 4)
        for prefix in [[], old] {
            let cache = try LoaderCache(MemorySource(Self.smallCache(before: prefix)))
            #expect(cache.paths(of: "libx.so.1") == ["/opt/libx.so.1"])
        }
    }

    @Test("Damaged caches are refused")
    func damagedCaches() {
        let bytes = Self.smallCache()
        for length in 0..<(bytes.count - 1) {
            #expect(throws: LoaderCacheError.self) { try LoaderCache(MemorySource(Array(bytes[..<length]))) }
        }
        for place in 20..<72 {
            var changed = bytes
            changed[place] = 0xff
            _ = try? LoaderCache(MemorySource(changed))
        }
    }

    @Test(
        "A program's libraries are those that ldd names",
        .enabled(if: Tool.isInstalled("ldd"), "ldd is not installed"),
        arguments: ["curl", "openssl", "wget", "git", "bash", "true"].filter {
            FileManager.default.fileExists(atPath: "/usr/bin/\($0)")
        })
    func realPrograms(_ name: String) throws {
        let path = "/usr/bin/\(name)"
        let cache = try LoaderCache(try RegularFile(path: LoaderCache.path))
        var visited: [String] = []
        let result = try NeededResolver(cache: cache, open: Self.open).resolve(path) { path, _ in
            visited.append(path)
        }
        #expect(result.paths == visited)
        #expect(result.missing.isEmpty)
        #expect(!result.isCut)
        let expected = try Tool.run("ldd", path).split(separator: "\n").compactMap { line -> String? in
            line.split(separator: " ").first { $0.hasPrefix("/") }.map(String.init)
        }
        // Files, because a folder may have two paths; the loader itself counts only where something needs it.
        func files(_ paths: [String]) -> Set<String> {
            Set(paths.map { URL(filePath: $0).resolvingSymlinksInPath().path }.filter { !$0.contains("/ld-linux") })
        }
        #expect(files(Array(result.paths.dropFirst())) == files(expected))
    }

    @Test(
        "Search paths, variables and order follow the loader",
        .enabled(if: Fixture.canCompile, "clang or ld.lld is not installed"))
    func searchPaths() throws {
        try withFolder { folder in
            for name in ["a", "b", "env"] {
                try FileManager.default.createDirectory(
                    atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
            }
            try Fixture.compile("int x;", to: "\(folder)/b/libx.so", ["-Wl,-soname,libx.so"])
            try Fixture.compile("int x;", to: "\(folder)/env/libx.so", ["-Wl,-soname,libx.so"])
            func program(_ tag: String) throws -> String {
                let path = "\(folder)/a/program-\(tag)"
                try Fixture.compile(
                    "int y;", to: path,
                    ["-Wl,--no-as-needed", "\(folder)/b/libx.so", "-Wl,-rpath,${ORIGIN}/../b", "-Wl,--\(tag)"])
                return path
            }
            func resolve(_ path: String, libraryPath: String? = nil) throws -> NeededResolver.Resolution {
                try NeededResolver(libraryPath: libraryPath, cache: nil, open: Self.open).resolve(path)
            }
            let old = try program("disable-new-dtags")
            let new = try program("enable-new-dtags")
            #expect(try resolve(old).paths == [old, "\(folder)/a/../b/libx.so"])
            #expect(try resolve(new).paths == [new, "\(folder)/a/../b/libx.so"])
            // LD_LIBRARY_PATH comes after DT_RPATH and before DT_RUNPATH.
            let environment = "relative::\(folder)/env"
            #expect(try resolve(old, libraryPath: environment).paths == [old, "\(folder)/a/../b/libx.so"])
            #expect(try resolve(new, libraryPath: environment).paths == [new, "\(folder)/env/libx.so"])
            try FileManager.default.removeItem(atPath: "\(folder)/b/libx.so")
            #expect(try resolve(new).missing.map(\.name) == ["libx.so"])
            // Another machine's library is passed over.
            try Fixture.compile("int x;", to: "\(folder)/b/libx.so", ["--target=i386-linux-gnu"])
            #expect(try resolve(new).missing.map(\.name) == ["libx.so"])
        }
    }

    @Test("A program that is missing, or none, is reported")
    func noProgram() throws {
        let resolver = NeededResolver(cache: nil, open: Self.open)
        #expect(try resolver.resolve("/no/such/program").missing.map(\.name) == ["/no/such/program"])
        #expect(throws: ELFError.notELF) { try resolver.resolve("/etc/passwd") }
    }
}

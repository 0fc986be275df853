import ELFImage
import Foundation
import OS
import TLSLibraries
import TestSupport
import Testing

@Suite("What musl's loader finds", .enabled(if: Tool.isInstalled("musl-gcc"), "musl-gcc is not installed"))
struct MuslTests {
    private static let loader =
        ["x86_64", "aarch64"].map { "/lib/ld-musl-\($0).so.1" }.first {
            FileManager.default.fileExists(atPath: $0)
        } ?? "/lib/ld-musl.so.1"

    private static func compile(_ code: String, to path: String, _ options: String...) throws {
        try Data(code.utf8).write(to: URL(filePath: path + ".c"))
        try _ = Tool.run(["musl-gcc", "-o", path, path + ".c"] + options)
    }

    /// A root folder with a musl program in /app and its library, without anything that says where that is.
    private func withRoot(
        rpath: String? = nil, libraryIn folder: String, _ body: (String, @escaping NeededResolver.Opener) throws -> Void
    ) throws {
        try withFolder { root in
            for name in ["app", "etc", folder] {
                try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
            }
            let library = "\(root)/\(folder)/libx.so.1"
            try Self.compile("int x(void) { return 0; }", to: library, "-shared", "-fPIC", "-Wl,-soname,libx.so.1")
            let options = rpath.map { ["-Wl,-rpath,\($0)"] } ?? []
            let source = "\(root)/app/program.c"
            try Data("int x(void); int main(void) { return x(); }".utf8).write(to: URL(filePath: source))
            try _ = Tool.run(["musl-gcc", "-o", "\(root)/app/program", source, library] + options)
            try body(root) { path in try? RegularFile(path: root + path) }
        }
    }

    private func paths(_ open: @escaping NeededResolver.Opener, libraryPath: String? = nil) throws -> [String] {
        let result = try NeededResolver(libraryPath: libraryPath, cache: nil, open: open).resolve("/app/program")
        // Its C library is its loader.
        #expect(result.missing.allSatisfy { $0.name == "libx.so.1" })
        return result.paths
    }

    @Test("The usual folders, without a cache", arguments: ["lib", "usr/local/lib", "usr/lib"])
    func usualFolders(_ folder: String) throws {
        try withRoot(libraryIn: folder) { _, open in
            let paths = try paths(open)
            #expect(paths == ["/app/program", "/\(folder)/libx.so.1"])
        }
    }

    @Test("The file of paths replaces them")
    func pathFile() throws {
        try withRoot(libraryIn: "opt/lib") { root, open in
            #expect(try paths(open) == ["/app/program"])
            let file = "\(root)/etc/\((Self.loader as NSString).lastPathComponent.replacing(".so.1", with: ".path"))"
            try "/nowhere\n/opt/lib:relative".write(toFile: file, atomically: true, encoding: .utf8)
            #expect(try paths(open) == ["/app/program", "/opt/lib/libx.so.1"])
            try FileManager.default.moveItem(atPath: "\(root)/opt/lib", toPath: "\(root)/lib")
            #expect(try paths(open) == ["/app/program"])
            #expect(try paths(open, libraryPath: "/lib") == ["/app/program", "/lib/libx.so.1"])
            // What the loader itself makes of it.
            #expect(MuslLoader.folders(ofLoader: Self.loader, open: open) == ["/nowhere", "/opt/lib"])
            #expect(MuslLoader.folders(ofLoader: "/opt" + Self.loader, open: open) == nil)
            try FileManager.default.createDirectory(atPath: "\(root)/opt/etc", withIntermediateDirectories: true)
            try FileManager.default.moveItem(atPath: file, toPath: file.replacing("/etc/", with: "/opt/etc/"))
            #expect(MuslLoader.folders(ofLoader: "/opt" + Self.loader, open: open) == ["/nowhere", "/opt/lib"])
        }
    }

    @Test("The program's own path")
    func runPath() throws {
        try withRoot(rpath: "$ORIGIN/../opt", libraryIn: "opt") { root, open in
            #expect(try paths(open) == ["/app/program", "/app/../opt/libx.so.1"])
            // The real loader agrees.
            let listed = try Tool.run(Self.loader, "--list", "\(root)/app/program")
            #expect(listed.contains("\(root)/app/../opt/libx.so.1"))
        }
    }
}

import ELFImage
import Foundation
import TestSupport

/// Small libraries made by the toolchain's Clang, which writes both architectures.
enum Fixture {
    static let canCompile = Tool.isInstalled("clang") && Tool.isInstalled("ld.lld")

    /// Compiles C, without any library, into a shared object.
    static func compile(_ code: String, to path: String, _ options: [String] = []) throws {
        let source = path + ".c"
        try Data(code.utf8).write(to: URL(filePath: source))
        try _ = Tool.run(
            ["clang", "-shared", "-fPIC", "-O1", "-nostdlib", "-fuse-ld=lld", "-o", path] + options + [source])
    }

    /// As `compile(_:to:_:)`, and reads the result.
    static func library(_ code: String, _ options: [String] = []) throws -> MemorySource {
        try withFolder { folder in
            try compile(code, to: "\(folder)/library.so", options)
            return try file("\(folder)/library.so")
        }
    }

    static func file(_ path: String) throws -> MemorySource {
        MemorySource(Array(try Data(contentsOf: URL(filePath: path))))
    }
}

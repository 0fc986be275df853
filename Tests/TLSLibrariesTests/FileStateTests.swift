import ELFImage
import Foundation
import OS
import TestSupport
import Testing

@testable import TLSLibraries

@Suite("What tells files and their states apart")
struct FileStateTests {
    private static let canMount = Host.isRoot && Tool.isInstalled("mount")

    /// Waits until a change is no longer a new one, at most some seconds.
    private func state(_ path: String, below: (device: UInt64, inode: UInt64)? = nil) throws -> FileState? {
        for _ in 0..<100 {
            let file = try RegularFile(path: path)
            if Clock.realtime - file.status.changedAt > 200_000_000 { return FileState(of: file, below: below) }
            Threads.sleep(milliseconds: 50)
        }
        return nil
    }

    @Test(
        "Each change of a file gives another state, times that are set back too", arguments: ["write", "touch", "move"])
    func changes(_ change: String) throws {
        try withFolder { folder in
            let path = folder + "/file"
            try Data([1, 2, 3]).write(to: URL(filePath: path))
            #expect(FileState(of: try RegularFile(path: path), below: nil) == nil, "it was changed just now")
            let before = try #require(try state(path))
            #expect(try state(path) == before)
            try Tool.run("cp", "-p", path, path + ".copy")
            switch change {
            case "write":
                let handle = try FileHandle(forWritingTo: URL(filePath: path))
                try handle.write(contentsOf: [1])
                try handle.close()
            case "touch": break
            default: try Tool.run("mv", path + ".copy", path)
            }
            // As an attacker sets it: the change time can't be set.
            if change != "move" { try Tool.run("touch", "-r", path + ".copy", path) }
            #expect(try #require(try state(path)) != before)
        }
    }

    @Test("An overlay's file is the one below, where that is on a disk", .enabled(if: canMount, "needs root and mount"))
    func overlay() throws {
        try withFolder { folder in
            try Tool.run("mount", "-t", "tmpfs", "tmpfs", folder)
            defer { _ = try? Tool.run("umount", "-R", "-l", folder) }
            for name in ["lower", "upper", "work", "merged"] { try Tool.run("mkdir", "\(folder)/\(name)") }
            try Data([1]).write(to: URL(filePath: folder + "/lower/file"))
            let options = "lowerdir=\(folder)/lower,upperdir=\(folder)/upper,workdir=\(folder)/work"
            try Tool.run("mount", "-t", "overlay", "-o", options, "overlay", folder + "/merged")
            let path = folder + "/merged/file"
            _ = try #require(try state(folder + "/lower/file"))
            #expect(try state(path) == nil)
            #expect(try state(path, below: (device: 30, inode: 7)) == nil)
            let state = try #require(try state(path, below: (device: 254 << 20 | 1, inode: 7)))
            #expect(state.device == 254 << 20 | 1)
            #expect(state.inode == 7)
        }
    }

    @Test("A change time in the future, or that does not fit, tells no states apart")
    func times() {
        #expect(FileState.isSettled(1) && FileState.isSettled(-1))
        for time in [Clock.realtime, Clock.realtime + 1_000_000_000, .max, .min] { #expect(!FileState.isSettled(time)) }
    }

    @Test("A file system that is not known proves nothing")
    func madeUp() throws {
        // As one in user space.
        #expect(FileState(of: try RegularFile(path: "/proc/version"), below: nil) == nil)
    }

    @Test(
        "The checksum of samples differs where headers, or a sampled block, differ",
        .enabled(if: Fixture.canCompile, "clang or ld.lld is not installed"))
    func samples() throws {
        var bytes = try Fixture.library("int f(void) { return 1; }").bytes
        bytes += [UInt8](repeating: 0, count: 1 << 20)
        let first = try ELFImage(MemorySource(bytes)).sampledChecksum()
        for place in [9, 64, bytes.count - 1] {
            var changed = bytes
            changed[place] ^= 1
            let checksum = try? ELFImage(MemorySource(changed)).sampledChecksum()
            #expect(checksum != first, "\(place)")
        }
        #expect(try ELFImage(MemorySource(bytes)).sampledChecksum() == first)
        for length in [64, 100, 4095, 4096, 4097, 8192] {
            _ = try? ELFImage(MemorySource(Array(bytes[..<length]))).sampledChecksum()
        }
    }
}

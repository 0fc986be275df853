import Foundation
import OS
import Processes
import Synchronization
import Testing

@Suite("Opening files in a root folder that somebody else owns")
struct RootFolderTests {
    /// A folder with `root` in it, and what must never be read beside it.
    private final class Tree {
        let path: String
        var root: String { path + "/root" }

        init() throws {
            path = FileManager.default.temporaryDirectory.path + "/sniscope-root-\(UUID().uuidString.prefix(8))"
            try FileManager.default.createDirectory(
                atPath: path + "/root/inside", withIntermediateDirectories: true)
            try write("secret", to: "secret")
            try write("plain", to: "root/inside/file")
        }

        func write(_ text: String, to name: String) throws {
            try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
        }

        func link(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: "\(root)/\(name)", withDestinationPath: target)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private func read(_ tree: Tree, _ path: String) throws -> String {
        let handle = try Descriptor.handle(inRoot: tree.root, path: path)
        return String(decoding: try RegularFile(handle: handle, path: path).read(at: 0, count: 100), as: UTF8.self)
    }

    @Test(
        "links and .. end at the root", arguments: ["/../secret", "../secret", "up", "far", "chain/secret", "absolute"])
    func confined(path: String) throws {
        let tree = try Tree()
        try tree.link("up", to: "../secret")
        try tree.link("far", to: "../../../../../../../..\(tree.path)/secret")
        try tree.link("chain", to: "inside/../../..")
        try tree.link("absolute", to: tree.path + "/secret")
        #expect { try read(tree, path) } throws: { ($0 as? SystemError)?.isNotFound == true }
        // What is meant inside is found inside.
        try tree.link("right", to: "/inside/file")
        #expect(try read(tree, "right") == "plain")
        #expect(try read(tree, "/../../inside/file") == "plain")
    }

    @Test("links of /proc are not followed")
    func magicLinks() throws {
        let tree = try Tree()
        let outside = try FileHandle(forReadingFrom: URL(filePath: tree.path + "/secret"))
        let link = "/proc/self/fd/\(outside.fileDescriptor)"
        #expect(throws: (any Error).self) {
            _ = try RegularFile(handle: Descriptor.handle(inRoot: "/", path: link), path: link)
        }
        #expect(throws: (any Error).self) {
            _ = try RegularFile(
                handle: Descriptor.handle(inRoot: "/", path: "/proc/self/root" + tree.path + "/secret"), path: "")
        }
        #expect(throws: (any Error).self) {
            _ = try RegularFile(
                handle: Descriptor.handle(inRoot: "/", path: "/proc/self/cwd/Package.swift"), path: "")
        }
    }

    @Test("folders and links that are swapped meanwhile lead nowhere else", .timeLimit(.minutes(1)))
    func swapped() throws {
        let tree = try Tree()
        // The same names outside: `decoy/file` is what a race would win.
        try FileManager.default.createDirectory(atPath: tree.path + "/decoy/deep", withIntermediateDirectories: true)
        try tree.write("secret", to: "decoy/file")
        try tree.write("secret", to: "decoy/deep/file")
        try FileManager.default.createDirectory(atPath: tree.root + "/inside/deep", withIntermediateDirectories: true)
        try tree.write("plain", to: "root/inside/deep/file")
        try tree.link("other", to: tree.path + "/decoy")
        let (root, path) = (tree.root, tree.path)
        let isDone = Mutex(false)
        let swaps = Mutex(0)
        let swapper = Thread {
            while !isDone.withLock({ $0 }) {
                // A folder becomes a link to one outside, and is moved outside itself while ".." is walked in it.
                rename(root + "/inside", root + "/moving")
                rename(root + "/other", root + "/inside")
                rename(root + "/inside", root + "/other")
                rename(root + "/moving/deep", path + "/deep")
                rename(path + "/deep", root + "/moving/deep")
                rename(root + "/moving", root + "/inside")
                swaps.withLock { $0 += 1 }
            }
            isDone.withLock { $0 = false }
        }
        swapper.start()
        var found = 0
        let deadline = ContinuousClock.now + .seconds(2)
        while ContinuousClock.now < deadline {
            for name in ["/inside/file", "/inside/deep/../file", "/inside/deep/../../../decoy/file", "/other/file"] {
                // Not there at this moment, or there: never the other one.
                if let text = try? read(tree, name) {
                    #expect(text == "plain")
                    found += 1
                }
            }
        }
        isDone.withLock { $0 = true }
        while isDone.withLock({ $0 }) { usleep(1000) }
        #expect(found > 0)
        #expect(swaps.withLock { $0 } > 100)
    }

    @Test(
        "a mount that comes and goes over a folder shows its own file or the folder's",
        .enabled(if: geteuid() == 0, "mounting needs root"), .timeLimit(.minutes(1)))
    func remounted() throws {
        let tree = try Tree()
        try FileManager.default.createDirectory(atPath: tree.path + "/volume", withIntermediateDirectories: true)
        try tree.write("volume", to: "volume/file")
        let mounter = Process()
        mounter.executableURL = URL(filePath: "/bin/sh")
        mounter.arguments = [
            "-c",
            #"while [ -e "$0/secret" ]; do mount --bind "$0/volume" "$0/root/inside"; umount -l "$0/root/inside"; done"#,
            tree.path,
        ]
        mounter.standardError = FileHandle.nullDevice
        try mounter.run()
        var seen: Set<String> = []
        let deadline = ContinuousClock.now + .seconds(20)
        while seen.count < 2, ContinuousClock.now < deadline {
            for name in ["/inside/file", "/inside/../../secret", "/inside/../inside/file"] {
                if let text = try? read(tree, name) { seen.insert(text) }
            }
        }
        try FileManager.default.removeItem(atPath: tree.path + "/secret")
        mounter.waitUntilExit()
        #expect(seen == ["plain", "volume"])
    }

    @Test("what is no regular file is not opened, and says what it is")
    func otherKinds() throws {
        let tree = try Tree()
        mkfifo(tree.root + "/fifo", 0o600)
        try tree.link("loop", to: "loop")
        for (name, words) in [("/fifo", "FIFO"), ("/inside", "directory"), ("/loop", "symbolic links")] {
            #expect { try read(tree, name) } throws: { "\($0)".contains(words) }
            #expect { try Files.readRegular(tree.root + name, limit: 10) } throws: { "\($0)".contains(words) }
        }
        #expect { try Files.readRegular("/dev/zero", limit: 10) } throws: { "\($0)".contains("device") }
    }

    @Test("state of other users: whole or not at all, and only below its folder")
    func state() throws {
        let tree = try Tree()
        #expect(try Files.readRegular(tree.path + "/secret", limit: 6) == Array("secret".utf8))
        #expect { try Files.readRegular(tree.path + "/secret", limit: 5) } throws: {
            "\($0)".contains("larger than 5 bytes")
        }
        try tree.link("up", to: "../secret")
        #expect(try Files.readRegular(inRoot: tree.root, "inside/file", limit: 10) == Array("plain".utf8))
        #expect(throws: SystemError.self) { try Files.readRegular(inRoot: tree.root, "up", limit: 10) }
        #expect(try Files.names(in: tree.path, limit: 1).count == 1)
    }
}

import Foundation
import OS
import Synchronization
import TestSupport
import Testing

@testable import TLSLibraries

@Suite("The cache of results")
struct ScanCacheTests {
    private static let isRoot = Host.isRoot

    private func key(_ number: Int = 1) -> ScanKey {
        ScanKey(
            buildID: "abcd", machine: "x86_64", size: 1000, checksum: 7,
            states: [FileState(device: 1, inode: UInt64(number), changedAt: 5)])
    }

    private let value = Array("a result".utf8)

    /// The cache's folder, which is not there yet.
    private func withPath(_ body: (String) throws -> Void) throws {
        try withFolder { try body($0 + "/caches/sniscope") }
    }

    private func cache(_ path: String, rules: UInt64 = 1, limit: Int = 4096) throws -> ScanCache {
        try ScanCache(path: path, rules: rules, entryLimit: limit)
    }

    private func files(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).map { "\(path)/\($0)" }
    }

    private func refusal(_ path: String) -> String {
        do {
            _ = try cache(path)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("What was stored is found, by this and by later runs, and by nobody else to read")
    func hit() throws {
        try withPath { path in
            let cache = try cache(path)
            #expect(cache.value(for: key()) == nil)
            #expect(cache.store(value, for: key()) == nil)
            #expect(cache.store([], for: key(2)) == nil)
            for cache in [cache, try self.cache(path)] {
                #expect(cache.value(for: key()) == value)
                #expect(cache.value(for: key(2)) == [])
            }
            #expect(cache.store([1], for: key()) == nil)
            #expect(cache.value(for: key()) == [1])
            #expect(try files(path).count == 2)
            #expect(try FileStatus(path: path).mode & 0o777 == 0o700)
            for file in try files(path) { #expect(try FileStatus(path: file).mode & 0o777 == 0o600) }
        }
    }

    @Test("Another file, another state of it, and other rules are misses")
    func misses() throws {
        try withPath { path in
            let cache = try cache(path)
            #expect(cache.store(value, for: key()) == nil)
            func key(
                buildID: String? = "abcd", machine: String = "x86_64", size: UInt64 = 1000, checksum: UInt64 = 7,
                device: UInt64 = 1, inode: UInt64 = 1, changedAt: Int64 = 5, debugFiles: [FileState] = []
            ) -> ScanKey {
                ScanKey(
                    buildID: buildID, machine: machine, size: size, checksum: checksum,
                    states: [FileState(device: device, inode: inode, changedAt: changedAt)] + debugFiles)
            }
            #expect(cache.value(for: key()) == value)
            let others = [
                key(buildID: nil), key(buildID: "abce"), key(machine: "aarch64"), key(size: 1001), key(checksum: 8),
                key(device: 2), key(inode: 2), key(changedAt: 6),
                key(debugFiles: [FileState(device: 1, inode: 2, changedAt: 5)]),
            ]
            for other in others { #expect(cache.value(for: other) == nil) }
            #expect(try self.cache(path, rules: 2).value(for: key()) == nil)
        }
    }

    @Test("A damaged result is a miss, wherever it is damaged or cut; so is one under another's name")
    func damaged() throws {
        try withPath { path in
            let cache = try cache(path)
            #expect(cache.store(value, for: key()) == nil)
            let file = try #require(try files(path).first)
            let bytes = try Data(contentsOf: URL(filePath: file))
            func rewrite(_ data: Data) throws {
                let handle = try FileHandle(forWritingTo: URL(filePath: file))
                try handle.truncate(atOffset: 0)
                try handle.write(contentsOf: data)
                try handle.close()
            }
            for place in bytes.indices {
                var changed = bytes
                changed[place] ^= 1
                try rewrite(changed)
                #expect(cache.value(for: key()) == nil)
                try rewrite(bytes[..<place])
                #expect(cache.value(for: key()) == nil)
            }
            try rewrite(bytes)
            #expect(cache.value(for: key()) == value)
            #expect(cache.store([1], for: key(2)) == nil)
            let other = try #require(try files(path).first { $0 != file })
            try FileManager.default.removeItem(atPath: other)
            try FileManager.default.moveItem(atPath: file, toPath: other)
            #expect(cache.value(for: key(2)) == nil)
            #expect(cache.store(value, for: key(2)) == nil)
            #expect(cache.value(for: key(2)) == value)
        }
    }

    @Test("A file that others could have made does not count", .enabled(if: isRoot, "needs root, to give files away"))
    func foreignFiles() throws {
        try withPath { path in
            let cache = try cache(path)
            let changes: [(String) throws -> Void] = [
                { try _ = Tool.run("chmod", "666", $0) },
                { try _ = Tool.run("chmod", "620", $0) },
                { try _ = Tool.run("chown", "65534", $0) },
                { file in
                    try _ = Tool.run("mv", file, path + ".moved")
                    try _ = Tool.run("ln", "-s", path + ".moved", file)
                },
                { file in
                    try _ = Tool.run("rm", file)
                    try _ = Tool.run("mkfifo", file)
                },
                { try _ = Tool.run("truncate", "-s", "1G", $0) },
            ]
            for change in changes {
                #expect(cache.store(value, for: key()) == nil)
                #expect(cache.value(for: key()) == value)
                try change(try #require(try files(path).first))
                #expect(cache.value(for: key()) == nil)
            }
            #expect(cache.store(value, for: key()) == nil)
            #expect(cache.value(for: key()) == value)
        }
    }

    @Test("A folder that others could have made, or write in, is refused in words", arguments: [0o777, 0o770, 0o1777])
    func writableFolder(_ mode: Int) throws {
        try withPath { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Tool.run("chmod", String(mode, radix: 8), path)
            #expect(refusal(path).contains("can be written by others (mode \(String(mode, radix: 8)))"))
            try Tool.run("chmod", "755", path)
            #expect(refusal(path).isEmpty)
            // The one above: sticky folders protect what is in them.
            try Tool.run("chmod", String(mode, radix: 8), path + "/..")
            let isSticky = mode & 0o1000 != 0
            #expect(refusal(path).contains("can be written by others") != isSticky)
        }
    }

    @Test("A folder of another user is refused", .enabled(if: isRoot, "needs root, to give folders away"))
    func foreignFolder() throws {
        try withPath { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Tool.run("chown", "65534", path)
            #expect(refusal(path).contains("belongs to the user 65534"))
            try Tool.run("chown", "0", path)
            try Tool.run("chown", "65534", path + "/..")
            #expect(refusal(path).contains("caches belongs to the user 65534"))
            try Tool.run("chown", "0", path + "/..")
            #expect(refusal(path).isEmpty)
        }
    }

    @Test("Symbolic links lead on if they are this user's", .enabled(if: isRoot, "needs root, to give links away"))
    func links() throws {
        try withPath { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for (number, target) in ["caches/sniscope", "./caches/../caches//sniscope", path].enumerated() {
                let link = path + "/../../link\(number)"
                try Tool.run("ln", "-s", target, link)
                #expect(refusal(link).isEmpty)
                #expect(try cache(link).store(value, for: key()) == nil)
                #expect(try cache(path).value(for: key()) == value)
                try Tool.run("chown", "-h", "65534", link)
                #expect(refusal(link).contains("belongs to the user 65534"))
            }
            try Tool.run("ln", "-s", "circle", path + "/circle")
            #expect(refusal(path + "/circle/a").contains("ymbolic links"))
            try Tool.run("touch", path + "/file")
            #expect(refusal(path + "/file/a").contains("ot a directory"))
            #expect(refusal("relative/folder").contains("no path from the root folder"))
        }
    }

    @Test(
        "A full disk, and one that can't be written, are told once",
        .enabled(if: isRoot && Tool.isInstalled("mount"), "needs root and mount"), arguments: ["full", "ro"])
    func fullDisk(_ kind: String) throws {
        try withPath { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            try Tool.run("mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", path)
            defer { _ = try? Tool.run("umount", "-l", path) }
            let cache = try cache(path)
            #expect(cache.store(value, for: key()) == nil)
            if kind == "ro" { try Tool.run("mount", "-o", "remount,ro", path) }
            let large = [UInt8](repeating: 7, count: 40 << 10)
            let failures = (2..<6).compactMap { cache.store(large, for: key($0)) }
            #expect(failures.count == 1)
            let words = kind == "ro" ? "Read-only file system" : "No space left on device"
            #expect(failures.first?.description.contains(words) == true)
            #expect(cache.value(for: key()) == value)
            #expect(try files(path).allSatisfy { !$0.contains("/.new-") })
        }
    }

    @Test("Many writers at once leave whole results only", .timeLimit(.minutes(1)))
    func writers() throws {
        try withPath { path in
            let caches = try (0..<4).map { _ in try cache(path) }
            let wrong = Mutex(0)
            DispatchQueue.concurrentPerform(iterations: 8) { writer in
                let cache = caches[writer % 4]
                for round in 0..<100 {
                    let key = key(round % 5)
                    let value = [UInt8](repeating: UInt8(writer), count: 1 + writer * 3000)
                    let failure = cache.store(value, for: key)
                    let found = cache.value(for: key)
                    let isWhole = found.map { $0.count == 1 + Int($0[0]) * 3000 && Set($0).count == 1 } ?? false
                    if failure != nil || !isWhole { wrong.withLock { $0 += 1 } }
                }
            }
            #expect(wrong.withLock { $0 } == 0)
            #expect(try files(path).count == 5)
        }
    }

    @Test("The oldest go once there are too many")
    func prune() throws {
        try withPath { path in
            let caches = [try cache(path, limit: 64), try cache(path, limit: 64)]
            for number in 0..<200 { try Data().write(to: URL(filePath: "\(path)/mine-\(number)")) }
            for number in 0..<300 {
                #expect(caches[number % 2].store(value, for: key(number)) == nil)
                #expect(caches[0].value(for: key(number)) == value)
            }
            let counts = Dictionary(grouping: try files(path)) { $0.contains("/mine-") }.mapValues(\.count)
            #expect(counts[true] == 200)
            // Each counts its own between two prunings.
            #expect(counts[false, default: 0] <= 2 * 64)
            #expect(caches[0].value(for: key(0)) == nil)
            #expect(caches[0].value(for: key(290)) == value)
        }
    }

    @Test("A result that is too large is not kept")
    func largest() throws {
        try withPath { path in
            let cache = try cache(path)
            let largest = [UInt8](repeating: 1, count: ScanCache.valueLimit)
            #expect(cache.store(largest, for: key()) == nil)
            #expect(cache.value(for: key()) == largest)
            #expect(cache.store(largest + [1], for: key(2)) == nil)
            #expect(cache.value(for: key(2)) == nil)
        }
    }

    @Test("The default folder is the system's for root, else the user's")
    func defaultPath() {
        func path(isRoot: Bool = false, _ variables: [String: String]) -> String? {
            ScanCache.defaultPath(isRoot: isRoot) { variables[$0] }
        }
        #expect(path(isRoot: true, ["HOME": "/root", "XDG_CACHE_HOME": "/x"]) == "/var/cache/sniscope")
        #expect(path(["HOME": "/home/a", "XDG_CACHE_HOME": "/x"]) == "/x/sniscope")
        #expect(path(["HOME": "/home/a", "XDG_CACHE_HOME": "x"]) == "/home/a/.cache/sniscope")
        #expect(path(["HOME": "/home/a"]) == "/home/a/.cache/sniscope")
        #expect(path([:]) == nil)
    }
}

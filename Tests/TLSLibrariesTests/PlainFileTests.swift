import Foundation
import OS
import TestSupport
import Testing

@testable import TLSLibraries

@Suite("Files that are known to have no TLS library")
struct PlainFileTests {
    private func files(_ folder: String, rules: UInt64 = 1) throws -> PlainFiles {
        PlainFiles(try ScanCache(path: folder + "/cache", rules: rules))
    }

    /// A file, once its last change is no longer a new one.
    private func settled(_ path: String, _ text: String) throws -> RegularFile {
        try Data(text.utf8).write(to: URL(filePath: path))
        let file = try RegularFile(path: path)
        for _ in 0..<500 where FileState(of: file, below: nil) == nil { Threads.sleep(milliseconds: 10) }
        try #require(FileState(of: file, below: nil) != nil)
        return file
    }

    @Test("are known to the next run, each in the state that it had; other rules know none")
    func kept() throws {
        try withFolder { folder in
            let file = try settled(folder + "/file", "before")
            let other = try settled(folder + "/other", "other")
            let first = try files(folder)
            #expect(!first.contains(file))
            first.add(file)
            #expect(first.contains(file) && !first.contains(other))
            #expect(try !files(folder).contains(file), "not kept yet")
            #expect(first.save() == nil)
            #expect(try files(folder).contains(file) && !files(folder).contains(other))
            #expect(try !files(folder, rules: 2).contains(file))
            let changed = try settled(folder + "/file", "after")
            #expect(try !files(folder).contains(changed))
        }
    }

    @Test("one that was changed just now is none: the next change may bear the same time")
    func unsettled() throws {
        try withFolder { folder in
            try Data().write(to: URL(filePath: folder + "/file"))
            let file = try RegularFile(path: folder + "/file")
            let files = try files(folder)
            files.add(file)
            #expect(!files.contains(file))
        }
    }

    @Test("packed states come back, each within its size; a part of one is none")
    func packed() {
        let states = [
            FileState(device: 1, inode: 2, changedAt: -3),
            FileState(device: .max, inode: 1 << 40, changedAt: .max),
        ]
        #expect([FileState](packed: states.packed[...]) == states)
        #expect([FileState](packed: states.packed.dropLast()[...]) == nil)
        let largest = FileState(device: .max, inode: .max, changedAt: -1)
        #expect(largest.packed.count == FileState.packedSize)
    }
}

import Foundation
import OS
import Testing

@testable import Processes

private let ownPid = ProcessInfo.processInfo.processIdentifier

@Suite("The processes of this host")
struct ProcessScanTests {
    @Test("a scan finds the test's own program and C library, each process once")
    func ownFiles() throws {
        let scan = try ProcessScan.run()
        let mine = scan.files.filter { file in file.users.contains { $0.pid == ownPid } }
        #expect(mine.contains { $0.path.contains("libc.so") || $0.path.contains("libc-") })
        for file in scan.files {
            #expect(Set(file.users.map(\.pid)).count == file.users.count, "\(file.path)")
        }
        #expect(Set(scan.files.map(\.identity)).count == scan.files.count)
        #expect(scan.processCount > 0)
    }

    @Test("a scan of one process agrees with its maps")
    func onePid() throws {
        let files = try ProcessScan.files(ofProcess: ownPid)
        let scan = ProcessScan.run(pids: [ownPid])
        #expect(scan.processCount == 1)
        #expect(Set(scan.files.map(\.identity)) == Set(files.map(\.identity)))
    }

    @Test("asking the kernel for mappings and reading their text find the same files")
    func bothWays() {
        let pid = ProcessInfo.processInfo.processIdentifier
        let asked = ProcessScan.run(pids: [pid], asking: true)
        let read = ProcessScan.run(pids: [pid], asking: false)
        #expect(!read.files.isEmpty)
        #expect(Set(asked.files.map(\.identity)) == Set(read.files.map(\.identity)))
        #expect(Set(asked.files.map(\.path)) == Set(read.files.map(\.path)))
        #expect(asked.processCount == read.processCount)
    }

    @Test("a process that is gone is no refusal, and is not found when asked for alone")
    func vanished() throws {
        let pid = try endedProcess()
        let scan = ProcessScan.run(pids: [pid])
        #expect(scan.processCount == 0 && scan.refusals.isEmpty)
        #expect { try ProcessScan.files(ofProcess: pid) } throws: { ($0 as? SystemError)?.isNotFound == true }
        #expect { try ProcessRecord(pid: pid) } throws: { ($0 as? SystemError)?.isNotFound == true }
        #expect(!ProcessIdentity(pid: pid, startTime: 1).isCurrent)
    }

    @Test(
        "kernel threads have a record and map nothing",
        .enabled(if: isKernelThread(2), "pid 2 is no kernel thread here"))
    func kernelThread() throws {
        let record = try ProcessRecord(pid: 2)
        #expect(record.executable == nil && record.arguments.isEmpty && record.comm == "kthreadd")
        #expect(ProcessScan.run(pids: [2]).files.isEmpty)
    }

    @Test("the record of the test itself")
    func ownRecord() throws {
        let record = try ProcessRecord(pid: ownPid)
        #expect(record.identity.isCurrent)
        #expect(record.identity != ProcessIdentity(pid: ownPid, startTime: record.identity.startTime + 1))
        #expect(record.arguments == CommandLine.arguments)
        #expect(record.executable == (try Files.linkTarget("/proc/self/exe")))
        #expect(!record.executableIsDeleted)
        #expect(record.uid == getuid() && record.gid == getgid() && record.parent == getppid())
        #expect(record.mountNamespace == (try FileStatus(path: "/proc/self/ns/mnt").inode))
        #expect(record.networkNamespace == (try FileStatus(path: "/proc/self/ns/net").inode))
        #expect(!record.cgroups.paths.isEmpty)
    }

    @Test("a program that was deleted while it runs is opened through its mapping")
    func deletedProgram() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let program = folder.appending(path: "deleted program")
        try FileManager.default.copyItem(atPath: "/bin/cat", toPath: program.path)
        let process = Process()
        process.executableURL = program
        process.standardInput = Pipe()
        try process.run()
        defer { process.terminate() }
        let size = try FileStatus(path: program.path).size
        let pid = process.processIdentifier
        let mapping = try #require(
            try wait { try ProcessScan.files(ofProcess: pid).first { $0.path.hasSuffix("deleted program") } })
        #expect(!mapping.isDeleted)
        try FileManager.default.removeItem(at: program)

        let deleted = try #require(try ProcessScan.files(ofProcess: pid).first { $0.identity == mapping.identity })
        #expect(deleted.isDeleted && deleted.path == mapping.path)
        let record = try ProcessRecord(pid: pid)
        #expect(record.executable == mapping.path && record.executableIsDeleted)
        #expect(try ProcessFile.openExecutable(pid: pid).status.size == size)
        do {
            let file = try ProcessFile.open(pid: pid, deleted)
            #expect(file.status.size == size)
            #expect(try file.read(at: 0, count: 4) == [0x7f] + Array("ELF".utf8))
            let scanned = try #require(ProcessScan.run(pids: [pid]).files.first { $0.identity == mapping.identity })
            #expect(try ProcessFile.open(scanned).status == file.status)
        } catch let error as SystemError {
            #expect(getuid() != 0, "\(error)")
        }
    }

    @Test("a path is opened below the process's root, regular files only")
    func ownPaths() throws {
        #expect(try ProcessFile.open(pid: ownPid, path: "/etc/../etc/passwd").status.isRegular)
        for path in ["/dev/null", "/etc", "/proc/self/ns/mnt"] {
            #expect(throws: SystemError.self, "\(path)") { try ProcessFile.open(pid: ownPid, path: path) }
        }
    }

    @Test("neither a link nor .. leads out of a root folder")
    func containment() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "sniscope-\(UUID())")
        try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        try Data("inside".utf8).write(to: root.appending(path: "file"))
        for (name, target) in [("absolute", "/etc/passwd"), ("up", "../../../../etc/passwd"), ("good", "/file")] {
            try FileManager.default.createSymbolicLink(
                atPath: root.appending(path: name).path, withDestinationPath: target)
        }
        try Process.run(URL(filePath: "/usr/bin/mkfifo"), arguments: [root.appending(path: "fifo").path])
            .waitUntilExit()
        func open(_ path: String) throws(SystemError) -> RegularFile {
            try RegularFile(handle: Descriptor.handle(inRoot: root.path, path: path), path: path)
        }
        #expect(try open("/good").read(at: 0, count: 100) == Array("inside".utf8))
        for path in ["/absolute", "/up", "/../../../../../etc/passwd"] {
            #expect("\(path)") { try open(path) } throws: { ($0 as? SystemError)?.isNotFound == true }
        }
        #expect { try open("/fifo") } throws: { ($0 as? SystemError)?.hint?.contains("a FIFO") == true }
    }
}

private func isKernelThread(_ pid: Int32) -> Bool {
    (try? ProcessStatus(pid: pid))?.comm == "kthreadd"
}

/// The pid of a process that has been reaped.
private func endedProcess() throws -> Int32 {
    let process = try Process.run(URL(filePath: "/bin/true"), arguments: [])
    process.waitUntilExit()
    return process.processIdentifier
}

/// Asks again until there is an answer, for ten seconds at most.
private func wait<Value>(for question: () throws -> Value?) rethrows -> Value? {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if let value = try question() { return value }
        sched_yield()
    }
    return nil
}

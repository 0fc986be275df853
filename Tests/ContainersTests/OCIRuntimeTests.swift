import Foundation
import OS
import Processes
import Testing

@testable import Containers

@Suite("Bare OCI runtimes: recorded and hostile state")
struct OCIRuntimeTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/" + uniqueName("sniscope-oci")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func write(_ text: String, to path: String) throws {
        let file = URL(filePath: "\(folder)/\(path)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func remove() {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func runtime(
        _ name: RuntimeName = .runc, _ format: OCIState.Format = .runc, owner: UInt32 = 0
    ) -> OCIRuntime {
        // Without optimisation it takes longer.
        OCIRuntime(name, format, [(folder, owner)], readings: UserReadings(patience: 60_000))
    }

    private func runcState(_ process: ProcessIdentity) -> String {
        #"{"id":"web","init_process_pid":\#(process.pid),"init_process_start":\#(process.startTime),"#
            + #""created":"2026-11-25T16:36:31.032699402Z","config":{"rootfs":"/b/rootfs","labels":["x=y","bundle=/b"]},"#
            + #""rootless":false,"cgroup_paths":{"":"/nowhere/web","cpu":"/nowhere/cpu/web"}}"#
    }

    @Test("runc's state.json and crun's status")
    func recorded() throws {
        defer { remove() }
        let own = try ProcessIdentity(pid: getpid())
        try write(runcState(own), to: "web/state.json")
        try write(
            #"{"pid":\#(own.pid),"process-start-time":\#(own.startTime),"cgroup-path":"/cweb","scope":"","#
                + #""rootfs":"rootfs","systemd-cgroup":false,"bundle":"/c","created":"2026-11-25T16:37:18.002600Z","#
                + #""owner":"root","detached":true,"external_descriptors":"[\"/dev/null\"]"}"#,
            to: "cweb/status")
        let runc = runtime().containers()
        #expect(runc.containers.map(\.name) == ["web"] && runc.failures.isEmpty)
        #expect(runc.containers.first?.initPid == own.pid && runc.containers.first?.bundlePath == "/b")
        #expect(runc.containers.first?.runtime == .runc && runc.containers.first?.cgroupPath == nil)
        let crun = runtime(.crun, .crun).containers()
        #expect(
            crun.containers == [
                Container(
                    runtime: .crun, id: "cweb", name: "cweb", initPid: own.pid, bundlePath: "/c", cgroupPath: "/cweb")
            ])
        #expect(runtime().bundlePath(ofContainer: "web") == "/b")
        #expect(runtime().bundlePath(ofContainer: "none") == nil && runtime().bundlePath(ofContainer: "../web") == nil)
    }

    @Test("a process that has the number of the container's own by now is none of its")
    func reusedPid() throws {
        defer { remove() }
        let own = try ProcessIdentity(pid: getpid())
        try write(runcState(ProcessIdentity(pid: own.pid, startTime: own.startTime - 1)), to: "web/state.json")
        let listing = runtime().containers()
        #expect(listing.containers.map(\.initPid) == [nil] && listing.failures.isEmpty)
    }

    @Test("the clue of a command that makes a container is believed before there is state; others are not this one's")
    func clues() throws {
        defer { remove() }
        let clue = ContainerClue(id: "new", cgroupPath: "/new", hint: .runc)
        #expect(try runtime().container(clue)?.name == "new")
        #expect(try runtime(.crun, .crun).container(clue) == nil)
        #expect(try runtime().container(ContainerClue(id: "new", cgroupPath: "/new", hint: .docker)) == nil)
        try write(runcState(try ProcessIdentity(pid: getpid())), to: "new/state.json")
        #expect(try runtime().container(clue)?.initPid == getpid())
    }

    @Test("ids that no two containers share are left out where a layer above has listed them; names are not")
    func doubles() throws {
        defer { remove() }
        let id = String(repeating: "a", count: 64)
        for name in [id, "web"] { try write(runcState(try ProcessIdentity(pid: getpid())), to: "\(name)/state.json") }
        #expect(runtime().containers().containers.map(\.id) == [id, "web"])
        #expect(runtime().containers(except: [id, "web"]).containers.map(\.id) == ["web"])
    }

    @Test(
        "state that is nonsense is told, and the others are listed",
        arguments: ["]", "[]", #"{"init_process_pid":"x"}"#])
    func nonsense(json: String) throws {
        defer { remove() }
        try write(json, to: "bad/state.json")
        try write(runcState(try ProcessIdentity(pid: getpid())), to: "web/state.json")
        try write("", to: "early/state.json")
        try FileManager.default.createDirectory(atPath: folder + "/earlier", withIntermediateDirectories: true)
        let listing = runtime().containers()
        #expect(listing.containers.map(\.id) == ["web"])
        #expect(listing.failures.count == 1)
    }

    @Test(
        "a user's state: FIFO, link out of the folder, huge file, a claim on the host's processes",
        .timeLimit(.minutes(1)))
    func hostile() throws {
        defer { remove() }
        for name in ["fifo", "link", "huge"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        #expect(mkfifo(folder + "/fifo/state.json", 0o600) == 0)
        let outside = folder + "-outside.json"
        try Data(runcState(try ProcessIdentity(pid: getpid())).utf8).write(to: URL(filePath: outside))
        defer { try? FileManager.default.removeItem(atPath: outside) }
        try FileManager.default.createSymbolicLink(atPath: folder + "/link/state.json", withDestinationPath: outside)
        try write("", to: "huge/state.json")
        #expect(truncate(folder + "/huge/state.json", 1 << 40) == 0)
        try write(runcState(try ProcessIdentity(pid: getpid())), to: "web/state.json")
        let listing = runtime(owner: 54321).containers()
        #expect(listing.containers.map(\.id) == ["web"])
        #expect(listing.containers.first?.initPid == nil, "this process is not of a user namespace of that user")
        #expect(listing.containers.first?.bundlePath == nil && listing.containers.first?.cgroupPath == nil)
        #expect(listing.failures.count == 2, "the link leads to nothing")
    }

    @Test("of a user's state a share is read, with one line for what is left; root's is read whole")
    func share() throws {
        defer { remove() }
        let state = runcState(try ProcessIdentity(pid: getpid()))
        let size = OCIStateFolder.Budget.largestFile
        let padded = state + String(repeating: " ", count: size - state.utf8.count)
        try write(padded, to: "0/state.json")
        for number in 1..<100 {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(number)", withIntermediateDirectories: true)
            try FileManager.default.linkItem(
                atPath: folder + "/0/state.json", toPath: "\(folder)/\(number)/state.json")
        }
        let listing = runtime(owner: 54321).containers()
        let most = OCIStateFolder.Budget(deadline: 0).bytes / size
        #expect(listing.containers.count == most && listing.failures.count == 1)
        let root = runtime().containers()
        #expect(root.containers.count == 100 && root.failures.isEmpty)
    }

    @Test("a user's file that is too large, or another user's; a folder with more than is looked at")
    func refused() throws {
        defer { remove() }
        let state = runcState(try ProcessIdentity(pid: getpid()))
        let large = state + String(repeating: " ", count: OCIStateFolder.Budget.largestFile)
        for name in ["large", "other", "own"] { try write(name == "large" ? large : state, to: "\(name)/state.json") }
        if getuid() == 0 { #expect(chown(folder + "/other/state.json", 54322, 0) == 0) }
        if getuid() == 0 { #expect(chown(folder + "/own/state.json", 54321, 0) == 0) }
        let listing = runtime(owner: 54321).containers()
        #expect(listing.containers.map(\.id) == (getuid() == 0 ? ["own"] : ["other", "own"]))
        #expect(listing.failures.count == (getuid() == 0 ? 2 : 1))
        for number in 0..<10 { try write("", to: "broken\(number)/state.json/no") }
        #expect(runtime(owner: 54321).containers().failures.count == 5)
        for number in 0..<2000 { try write("", to: "\(number)") }
        #expect(try Files.subfolders(of: folder, limit: 100).count <= 102)
        #expect(try Files.subfolders(of: folder).count == 13)
    }

    @Test("a user's folder that is a link itself leads nowhere")
    func linkedFolder() throws {
        defer { remove() }
        try write(runcState(try ProcessIdentity(pid: getpid())), to: "state/web/state.json")
        try FileManager.default.createDirectory(atPath: folder + "/user", withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/user/runc", withDestinationPath: folder + "/state")
        for (owner, ids) in [(UInt32(54321), []), (0, ["web"])] {
            let runtime = OCIRuntime(
                .runc, .runc, [(folder + "/user/runc", owner)], readings: UserReadings(patience: 60_000))
            #expect(runtime.containers().containers.map(\.id) == ids)
        }
    }

    @Test(
        "user namespaces in which a user's id is mapped",
        arguments: [
            ("         0       1000          1\n", true), ("0 100000 65536\n", false),
            ("0 1000 1\n1 100000 65536\n", true), ("0 0 4294967295\n", false), ("", false), ("0 999 2\n", true),
            ("x\n", false),
        ])
    func idMaps(map: String, isMapped: Bool) {
        #expect(OCIStateFolder.maps(1000, in: Array(map.utf8)) == isMapped)
    }
}

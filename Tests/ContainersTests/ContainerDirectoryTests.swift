import Foundation
import OS
import Testing

@testable import Containers

private let other = "9ea1872b6292a46de3d7d26c4840988dc63fcf8d4164b9160c9944034da0d8eb"

@Suite("The container directory")
struct ContainerDirectoryTests {
    private let root: RecordedStore
    private var directory: ContainerDirectory

    init() throws {
        root = try RecordedStore()
        try root.write(recordedState, id: recordedID)
        directory = ContainerDirectory(runtimes: [DockerRuntime(stores: [root.store])])
    }

    @Test("cgroups of containers, of their inside and of the host")
    mutating func cgroups() {
        #expect(directory.add(cgroupID: 1, path: "/") == nil)
        #expect(directory.add(cgroupID: 2, path: "/docker/\(recordedID)")?.name == "one")
        directory.add(cgroupID: 3, path: "/docker/\(recordedID)/inner/most")
        #expect(directory.container(forCgroup: 1) == nil && directory.knows(cgroupID: 1))
        #expect(directory.container(forCgroup: 3)?.id == recordedID)
        #expect(directory.container(forCgroup: 9) == nil && !directory.knows(cgroupID: 9))
        #expect(directory.all.count == 1)

        directory.remove(cgroupID: 3)
        #expect(directory.container(forCgroup: 3) == nil)
        #expect(directory.container(forCgroup: 2)?.name == "one")
        directory.remove(cgroupID: 2)
        directory.remove(cgroupID: 2)
        #expect(directory.all.isEmpty && directory.container(id: recordedID) == nil)
    }

    @Test("a container that no runtime knows has its short id and the runtime its path tells")
    mutating func unknown() throws {
        #expect(
            directory.add(cgroupID: 5, path: "/machine.slice/libpod-\(other).scope")
                == Container(runtime: .podman, id: other, name: "9ea1872b6292"))
        #expect(directory.failures.isEmpty)
        try root.write("nonsense", id: recordedID)
        #expect(
            directory.add(cgroupID: 6, path: "/foo/\(recordedID)")
                == Container(runtime: .unknown, id: recordedID, name: "e3af9c9d7d97"))
        #expect(directory.failures.keys.sorted() == [recordedID])
        try root.write(recordedState, id: recordedID)
        directory.refresh(id: recordedID)
        #expect(directory.container(forCgroup: 6)?.name == "one")
        #expect(directory.container(forCgroup: 6)?.runtime == .docker)
        #expect(directory.failures.isEmpty)
    }

    @Test("names and removals as the runtime tells them")
    mutating func changes() {
        directory.add(cgroupID: 2, path: "/docker/\(recordedID)")
        directory.rename(id: recordedID, name: "eins")
        directory.rename(id: other, name: "nobody")
        directory.add(cgroupID: 3, path: "/docker/\(recordedID)/inner")
        #expect(directory.container(forCgroup: 3)?.name == "eins" && directory.all.map(\.name) == ["eins"])
        directory.remove(containerID: recordedID)
        #expect(directory.container(forCgroup: 2) == nil && directory.container(forCgroup: 3) == nil)
    }

    @Test("an id that comes again counts for its new path")
    mutating func reuse() {
        directory.add(cgroupID: 2, path: "/docker/\(recordedID)")
        directory.add(cgroupID: 2, path: "/docker/\(other)")
        #expect(directory.all.map(\.id) == [other])
    }

    @Test("processes by any of their hierarchies")
    mutating func processes() throws {
        #expect(directory.container(ofPaths: ["/", "/docker/\(recordedID)"])?.name == "one")
        #expect(directory.container(ofPaths: ["/", "/user.slice"]) == nil)
        _ = try directory.container(ofProcess: ProcessInfo.processInfo.processIdentifier)
        #expect(throws: SystemError.self) { try directory.container(ofProcess: .max) }
    }
}

import Testing

@testable import Containers

private let first = String(repeating: "a", count: 64)
private let second = String(repeating: "b", count: 64)

@Suite("The container directory")
struct ContainerDirectoryTests {
    private var directory = ContainerDirectory()
    private let container = Container(runtime: .docker, id: first, name: "one", cgroupPath: "/docker/\(first)")

    @Test("cgroups of containers, of their inside and of the host")
    mutating func cgroups() {
        directory.add(container)
        #expect(directory.add(cgroupID: 1, path: "/") == .host)
        #expect(directory.add(cgroupID: 4, path: "/docker") == .host)
        #expect(directory.add(cgroupID: 2, path: "/docker/\(first)") == .container(container))
        #expect(directory.add(cgroupID: 3, path: "/docker/\(first)/inner/\(second)") == .container(container))
        #expect(directory.add(cgroupID: 5, path: "/docker/\(first)-not") == .host)
        #expect(directory.owner(ofCgroup: 3) == .container(container))
        #expect(directory.owner(ofCgroup: 9) == .unknown)
        #expect(directory.cgroupID(of: container) == 2)

        #expect(directory.remove(cgroupID: 3) == nil)
        #expect(directory.owner(ofCgroup: 2) == .container(container))
        #expect(directory.remove(cgroupID: 2) == container)
        #expect(directory.remove(cgroupID: 2) == nil)
        #expect(directory.all.isEmpty && directory.container(id: first) == nil)
    }

    @Test("a cgroup that is expected to be a container's: pending, then what it turned out to be")
    mutating func pending() {
        directory.expect(cgroup: "/web", cgroupID: 7)
        #expect(directory.add(cgroupID: 8, path: "/web/below") == .pending(cgroup: "/web"))
        let web = Container(runtime: .runc, id: "web", name: "web", cgroupPath: "/web")
        directory.settle(cgroup: "/web", web)
        #expect(directory.owner(ofCgroup: 7) == .container(web))
        #expect(directory.owner(ofCgroup: 8) == .container(web))

        directory.expect(cgroup: "/system.slice", cgroupID: 10)
        directory.settle(cgroup: "/system.slice", nil)
        #expect(directory.owner(ofCgroup: 10) == .host)
        // It ended before anybody knew what it was: events that wait for that still get it.
        let short = Container(runtime: .runc, id: "short", name: "short", cgroupPath: "/short")
        directory.expect(cgroup: "/short", cgroupID: 11)
        #expect(directory.remove(cgroupID: 11) == nil)
        directory.settle(cgroup: "/short", short)
        #expect(directory.owner(ofCgroup: 11) == .container(short))
        #expect(directory.removeEnded(key: "/short") && !directory.removeEnded(key: "/web"))
        #expect(directory.owner(ofCgroup: 11) == .unknown)
        #expect(directory.all == [web])
    }

    @Test("a parent that is made with the container's cgroup is the host's, and the container is its own")
    mutating func parents() {
        directory.expect(cgroup: "/docker", cgroupID: 1)
        #expect(!directory.covers(cgroup: "/docker/\(first)"))
        directory.expect(cgroup: "/docker/\(first)", cgroupID: 2)
        #expect(directory.add(cgroupID: 3, path: "/docker/\(first)/init") == .pending(cgroup: "/docker/\(first)"))
        directory.settle(cgroup: "/docker", nil)
        #expect(directory.owner(ofCgroup: 1) == .host)
        #expect(directory.owner(ofCgroup: 3) == .pending(cgroup: "/docker/\(first)"))
        directory.settle(cgroup: "/docker/\(first)", container)
        #expect(directory.owner(ofCgroup: 2) == .container(container))
        #expect(directory.owner(ofCgroup: 3) == .container(container))
    }

    @Test("what a container makes below its own cgroup before it is known is its own")
    mutating func nested() {
        directory.expect(cgroup: "/docker/\(first)", cgroupID: 2)
        directory.expect(cgroup: "/docker/\(first)/docker/\(second)", cgroupID: 3)
        directory.settle(cgroup: "/docker/\(first)", container)
        #expect(directory.owner(ofCgroup: 3) == .container(container))
        let inner = Container(
            runtime: .docker, id: second, name: "inner", cgroupPath: "/docker/\(first)/docker/\(second)")
        directory.settle(cgroup: "/docker/\(first)/docker/\(second)", inner)
        #expect(directory.owner(ofCgroup: 3) == .container(container))
        #expect(directory.all == [container])
    }

    @Test("thousands of cgroups that are expected, each with one below it, become containers or the host's, and go")
    mutating func many() {
        func path(_ number: UInt64) -> String {
            let digits = String(number, radix: 16)
            return "/docker/" + String(repeating: "0", count: 64 - digits.count) + digits
        }
        // Work for each that grows with their number would take minutes here.
        let count: UInt64 = 50_000
        for number in 0..<count {
            directory.expect(cgroup: path(number), cgroupID: 2 * number)
            directory.add(cgroupID: 2 * number + 1, path: path(number) + "/init")
        }
        for number in 0..<count {
            let container = Container(runtime: .docker, id: "\(number)", name: "c", cgroupPath: path(number))
            directory.settle(cgroup: path(number), number % 2 == 0 ? container : nil)
        }
        var (own, hosts) = (0, 0)
        for id in 0..<2 * count {
            switch directory.owner(ofCgroup: id) {
            case .container(let container) where container.id == "\(id / 2)": own += 1
            case .host: hosts += 1
            case .container, .pending, .unknown: break
            }
        }
        #expect(own == count && hosts == count)
        for id in (0..<2 * count).reversed() { directory.remove(cgroupID: id) }
        #expect(directory.count == 0 && directory.cgroupIDs.isEmpty)
    }

    @Test("below a chain of 1,500 levels a cgroup costs no more than a few of them, and is nobody's container")
    mutating func deep() {
        var index = CgroupIndex()
        let chain = String(repeating: "/a", count: 1500)
        for levels in 1...1500 { index.insert(String(repeating: "/a", count: levels)) }
        #expect(index.levelCount == CgroupIndex.mostLevels)
        var (levels, found) = (0, 0)
        for number in 0..<5000 {
            index.insert("\(chain)/\(number)")
            levels += index.visit(above: "\(chain)/\(number)") { _ in
                found += 1
                return true
            }
        }
        #expect(levels == 5000 * CgroupIndex.mostLevels && found == levels)
        #expect(index.levelCount == CgroupIndex.mostLevels)
        // What has nothing in common with containers' cgroups costs less.
        #expect(index.visit(above: "/b" + chain) { _ in true } == 1)

        let deep = "\(chain)/\(first)"
        #expect(ContainerDirectory.isTooDeep(deep) && CgroupPath.containerID(in: deep) == nil)
        directory.add(container)
        directory.expect(cgroup: deep, cgroupID: 1)
        directory.settle(cgroup: deep, Container(runtime: .docker, id: second, name: "two", cgroupPath: deep))
        #expect(directory.owner(ofCgroup: 1) == .host)
        #expect(directory.add(cgroupID: 2, path: "/docker/\(first)" + deep) == .container(container))
    }

    @Test("the index keeps what is in it, and nothing of what was")
    func index() {
        var index = CgroupIndex()
        func above(_ path: String) -> [String] {
            var found: [String] = []
            index.visit(above: path) {
                found.append($0)
                return true
            }
            return found
        }
        for path in ["/a/b", "/a/b/c/d", "/a", "/", "id", ""] { index.insert(path) }
        #expect(above("/a/b/c/d/e") == ["/a", "/a/b", "/a/b/c/d"] && above("/a/bc") == ["/a"] && above("/") == [])
        index.remove("/a/b")
        #expect(above("/a/b/c/d/e") == ["/a", "/a/b/c/d"])
        for path in ["/a/b/c/d", "/a/b", "/a", "/a", "/none", "/", "id"] { index.remove(path) }
        #expect(index.levelCount == 0)
    }

    @Test("of a cgroup whose path is cut, the container above says enough")
    mutating func cut() {
        directory.add(container)
        directory.add(cgroupID: 1, path: "/docker/\(first)")
        #expect(directory.add(cgroupID: 2, below: "/docker/\(first)") == .container(container))
        #expect(directory.owner(ofCgroup: 2) == .container(container) && directory.cgroupID(of: container) == 1)
        #expect(directory.add(cgroupID: 3, below: "/docker") == nil && directory.owner(ofCgroup: 3) == .unknown)
        directory.expect(cgroup: "/docker/\(second)", cgroupID: 4)
        #expect(directory.add(cgroupID: 5, below: "/docker/\(second)") == nil)
        #expect(directory.add(cgroupID: 6, below: String(repeating: "/a", count: CgroupIndex.mostLevels)) == .host)
    }

    @Test("one user's cgroups have a limit, which takes no room from others, and room comes back")
    mutating func limit() {
        let most = UInt64(ContainerDirectory.mostOfUser)
        for number in 0..<most { directory.expect(cgroup: "/u/\(number)", cgroupID: number, maker: 1000) }
        #expect(directory.expect(cgroup: "/u/more", cgroupID: most, maker: 1000) == false)
        #expect(directory.owner(ofCgroup: most) == .host)
        #expect(directory.expect(cgroup: "/other", cgroupID: most + 1, maker: 1001) == true)
        #expect(directory.expect(cgroup: "/root", cgroupID: most + 2, maker: 0) == true)
        directory.settle(cgroup: "/u/0", nil)
        #expect(directory.expect(cgroup: "/u/more", cgroupID: most, maker: 1000) == true)
    }

    @Test("what is there at the start counts for its user, too")
    mutating func limitAtStart() {
        func found(_ number: Int) -> UInt32? {
            let path = "/user.slice/user-1000.slice/user@1000.service/runc-\(number).scope"
            let container = Container(runtime: .runc, id: "\(number)", name: "c", cgroupPath: path)
            return directory.add(found: container.owned(by: number % 2 == 0 ? 1000 : 100_000))
        }
        for number in 0..<ContainerDirectory.mostOfUser { #expect(found(number) == nil) }
        #expect(found(ContainerDirectory.mostOfUser) == 1000)
        #expect(directory.all.count == ContainerDirectory.mostOfUser)
        #expect(directory.add(found: container) == nil)
    }

    @Test("by paths, where there is no v2 hierarchy; by mount namespace, where there is no cgroup")
    mutating func otherWays() {
        directory.add(container)
        #expect(directory.owner(ofPaths: ["/", "/docker/\(first)/x"]) == .container(container))
        #expect(directory.owner(ofPaths: ["/", "/user.slice"]) == .unknown)
        let rootless = Container(runtime: .podman, id: second, name: "rootless", mountNamespace: 4_026_532_000)
        directory.add(rootless)
        #expect(directory.container(forMountNamespace: 4_026_532_000) == rootless)
        #expect(directory.remove(containerID: second) == rootless)
        #expect(directory.container(forMountNamespace: 4_026_532_000) == nil)
    }

    @Test("new names")
    mutating func renamed() {
        directory.add(container)
        #expect(directory.update(id: first) { $0.name = "two" }?.name == "two")
        #expect(directory.container(id: first)?.name == "two")
        #expect(directory.update(id: second) { $0.name = "three" } == nil)
    }
}

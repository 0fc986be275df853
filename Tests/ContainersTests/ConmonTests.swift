import Testing

@testable import Containers

private let id = String(repeating: "a", count: 64)

@Suite("conmon's command line and the store beside it")
struct ConmonTests {
    @Test("Podman's, as version 4.3 writes it")
    func podman() throws {
        let store = "/var/lib/containers/storage/overlay-containers"
        let line = """
            /usr/bin/conmon --api-version 1 -c \(id) -u \(id) -r /usr/bin/runc -b \(store)/\(id)/userdata \
            -p /run/containers/storage/overlay-containers/\(id)/userdata/pidfile -n web --exit-dir /run/libpod/exits \
            --full-attach --exit-command /usr/bin/podman --exit-command-arg -n --exit-command-arg x
            """
        let command = try #require(ConmonCommand(arguments: line.split(separator: " ").map(String.init)) { $0 })
        #expect(command.id == id && command.name == "web" && command.runtime == .podman && !command.isExec)
        #expect(command.storeFolder == store)
        #expect(command.pidFile == "/run/containers/storage/overlay-containers/\(id)/userdata/pidfile")
        #expect(ConmonCommand(arguments: ["conmon", "-c", "../x", "-b", "/"]) { $0 } == nil)
    }

    @Test("a recorded containers.json; CRI-O's and others' nonsense")
    func store() throws {
        let json = #"""
            [{"id":"ID","names":["one"],"metadata":"{\"image-name\":\"localhost/test:latest\",\"name\":\"one\"}"},
            {"id":"..","names":["x"]}]
            """#
        let records = try ContainerStore.records(json: Array(json.replacing("ID", with: id).utf8), of: "x")
        #expect(
            records == [.init(id: id, name: "one", imageName: "localhost/test:latest", isKubernetes: false)])
        #expect(throws: StateError.self) { try ContainerStore.records(json: Array("{".utf8), of: "x") }
    }
}

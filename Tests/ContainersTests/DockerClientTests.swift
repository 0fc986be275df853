import Testing

@testable import Containers

@Suite("Docker's API, answered badly")
struct DockerClientTests {
    private func failure(_ answer: String?) async throws -> DockerError {
        let daemon = try await FakeDaemon(answer: answer)
        let client = DockerClient(socket: daemon.socket, timeout: .milliseconds(answer == nil ? 100 : 300_000))
        let error = await #expect(throws: DockerError.self) { try await client.list() }
        await daemon.stop()
        return try #require(error)
    }

    @Test("a list")
    func list() async throws {
        let daemon = try await FakeDaemon(
            answer: http(
                #"[{"Id":"abc","Names":["/other/alias","/web"],"Image":"nginx","Labels":null},{"Id":"0123456789abcdef"}]"#
            ))
        let containers = try await DockerClient(socket: daemon.socket, timeout: .seconds(300)).list()
        #expect(
            containers == [
                Container(runtime: .docker, id: "abc", name: "web", imageName: "nginx"),
                Container(runtime: .docker, id: "0123456789abcdef", name: "0123456789ab"),
            ])
        await daemon.stop()
    }

    @Test("no socket, and a socket without a daemon")
    func absent() async throws {
        let error = await #expect(throws: DockerError.self) { try await DockerClient(socket: "/nonexistent").list() }
        #expect(error?.kind == .absent)
        #expect("\(try #require(error))".contains("/nonexistent: No such file or directory"))
        let long = "/" + String(repeating: "x", count: 200)
        await #expect(throws: DockerError.self) { try await DockerClient(socket: long).list() }
        await #expect(throws: DockerError.self) { try await DockerClient(socket: "").list() }
        await #expect(throws: DockerError.self) { try await DockerClient(socket: "/etc/passwd").list() }
    }

    @Test(
        "nonsense",
        arguments: [
            "hello\r\n\r\n", http("not JSON"), http("{}"), http(#"[{"Names":[]}]"#), http(#"[{"Id":5}]"#),
            "\u{0}\u{1}\u{2}", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        ])
    func nonsense(answer: String) async throws {
        #expect(try await failure(answer).kind == .nonsense)
    }

    @Test("nesting without end")
    func nesting() async throws {
        #expect(try await failure(http(String(repeating: "[", count: 1_000_000))).kind == .nonsense)
    }

    @Test("a refusal is told in the daemon's words")
    func refusal() async throws {
        let error = try await failure(http(#"{"message":"too old"}"#, status: "400 Bad Request"))
        #expect(error.kind == .failed && error.reason == "it answered 400 too old")
        #expect(try await failure(http("", status: "502 Bad Gateway")).reason == "it answered 502 Bad Gateway")
    }

    @Test("a connection that ends early", arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{"])
    func early(answer: String) async throws {
        let kind = try await failure(answer).kind
        #expect(kind == .failed || kind == .nonsense)
    }

    @Test("a daemon that says nothing", .timeLimit(.minutes(1)))
    func silence() async throws {
        let error = try await failure(nil)
        #expect(error.kind == .failed && error.reason.hasPrefix("no answer within"))
    }

    @Test("events that are cut, of another kind, nonsense or endless", .timeLimit(.minutes(1)))
    func events() async throws {
        let head = "HTTP/1.1 200 OK\r\n\r\n"
        let create = #"{"Action":"create","Actor":{"ID":"i","Attributes":{"name":"n","image":"m"}}}"#
        func events(_ text: String) async throws -> [DockerEvent] {
            let daemon = try await FakeDaemon(answer: text)
            do {
                let events = try await DockerClient(socket: daemon.socket).withEvents { events in
                    var all: [DockerEvent] = []
                    while let event = try await events.next() { all.append(event) }
                    return all
                }
                await daemon.stop()
                return events
            } catch {
                await daemon.stop()
                throw error
            }
        }
        let other = #"{"Action":"exec_start: x","Actor":{"ID":"i"}}"#
        let some = try await events(head + "\r\n\n\(create)\n\u{1e}\(other)\n\(create)\n\(create.dropLast())")
        #expect(some.map(\.name) == ["n", "n"] && some.map(\.imageName) == ["m", "m"])
        for nonsense in ["x\n", "{}\n", "[]\n", #"{"Action":"create"}"# + "\n"] {
            await #expect { try await events(head + nonsense) } throws: { ($0 as? DockerError)?.kind == .nonsense }
        }
        let stopped = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\n\n\n\n\n\r\n"
        await #expect { try await events(stopped) } throws: { ($0 as? DockerError)?.kind == .failed }
        let endless =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "200000\r\n" + String(repeating: "x", count: 0x20_0000) + "\r\n"
        await #expect { try await events(endless) } throws: { error in
            (error as? DockerError)?.reason.contains("larger than") == true
        }
    }
}

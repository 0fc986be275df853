internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import OS

/// HTTP/1.1 GET over a unix socket, a connection for each.
struct UnixHTTP {
    let socket: String
    /// From connecting to the end of the answer, unless the deadline is lifted.
    let timeout: Duration

    struct Failure: Error {
        let kind: DockerError.Kind
        let reason: String
    }

    /// One thread; it sleeps while there is nothing to receive.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    private typealias Channel = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>

    /// Calls `body` when the head of a successful answer has come.
    func get<Result: Sendable>(_ target: String, _ body: (inout Answer) async throws -> Result) async throws -> Result {
        let deadline = ContinuousClock.now + timeout
        let channel = try await ClientBootstrap(group: Self.group)
            .connectTimeout(TimeAmount(timeout))
            .connect(unixDomainSocketPath: socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try Channel(wrappingChannelSynchronously: channel)
                }
            }
        let closing = channel.channel.eventLoop.scheduleTask(in: TimeAmount(timeout)) {
            channel.channel.close(promise: nil)
        }
        defer { closing.cancel() }
        return try await channel.executeThenClose { inbound, outbound in
            // A daemon answers 400 without Host.
            let headers: HTTPHeaders = ["Host": "docker", "Accept": "application/json", "User-Agent": "sniscope"]
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
            // In one piece: a daemon may answer the head and close, and the answer counts more than the failed rest.
            try await outbound.write(contentsOf: [.head(head), .end(nil)])
            var answer = Answer(parts: inbound.makeAsyncIterator(), closing: closing)
            do {
                try await answer.readHead()
                return try await body(&answer)
            } catch {
                // The deadline closes the connection, which shows as one or another error of the transport.
                guard !answer.isLifted, .now >= deadline else { throw error }
                throw Failure(kind: .failed, reason: "no answer within \(timeout)")
            }
        }
    }

    /// What the daemon sends, as it comes.
    struct Answer {
        private var parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator
        private let closing: Scheduled<Void>
        private var isComplete = false
        private(set) var isLifted = false

        fileprivate init(
            parts: NIOAsyncChannelInboundStream<HTTPClientResponsePart>.AsyncIterator, closing: Scheduled<Void>
        ) {
            self.parts = parts
            self.closing = closing
        }

        /// Lets the rest of the answer take any time.
        mutating func liftDeadline() {
            closing.cancel()
            isLifted = true
        }

        fileprivate mutating func readHead() async throws {
            guard case .head(let head) = try await part() else {
                throw Failure(kind: .nonsense, reason: "the answer has no head")
            }
            guard head.status != .ok else { return }
            let message = try? JSONFile.decode(Refusal.self, from: await all(limit: 64 << 10), of: "").message
            throw Failure(
                kind: .failed, reason: "it answered \(head.status.code) \(message ?? head.status.reasonPhrase)")
        }

        /// The next bytes; nil at the end.
        mutating func next() async throws -> ByteBuffer? {
            while !isComplete {
                switch try await part() {
                case .head: continue
                case .body(let bytes): return bytes
                case .end: isComplete = true
                }
            }
            return nil
        }

        /// The whole answer.
        mutating func all(limit: Int) async throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let buffer = try await next() {
                guard bytes.count + buffer.readableBytes <= limit else {
                    throw Failure(kind: .nonsense, reason: "the answer is larger than \(limit) bytes")
                }
                bytes.append(contentsOf: buffer.readableBytesView)
            }
            return bytes
        }

        private mutating func part() async throws -> HTTPClientResponsePart {
            guard let part = try await parts.next() else {
                try Task.checkCancellation()
                throw Failure(kind: .failed, reason: "it closed the connection")
            }
            return part
        }
    }

    private struct Refusal: Decodable {
        let message: String
    }

    static func kind(of error: IOError) -> DockerError.Kind {
        switch SystemError("connect to", "", code: error.errnoCode) {
        case let error where error.isNotFound || error.isRefused: .absent
        case let error where error.isNotPermitted: .notPermitted
        default: .failed
        }
    }

    static func reason(of error: IOError) -> String {
        SystemError("connect to", "", code: error.errnoCode).reason
    }
}

/// Cuts an answer into lines.
struct LineReader {
    private var answer: UnixHTTP.Answer
    private let limit: Int
    private var rest: [UInt8] = []
    /// How much of `rest` has been searched.
    private var searched = 0

    init(_ answer: UnixHTTP.Answer, limit: Int) {
        self.answer = answer
        self.limit = limit
    }

    /// The next line that is not empty; nil at the end of the answer, and for what is left there without a newline.
    mutating func next() async throws -> [UInt8]? {
        while true {
            if let end = rest[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                // Newer daemons may put a record separator before each (RFC 7464).
                let line = rest[..<end].drop { $0 == 0x1e || $0 == UInt8(ascii: "\r") }
                rest.removeFirst(end + 1)
                searched = 0
                if !line.isEmpty { return Array(line) }
                continue
            }
            searched = rest.count
            guard rest.count <= limit else {
                throw UnixHTTP.Failure(kind: .nonsense, reason: "an event is larger than \(limit) bytes")
            }
            guard let buffer = try await answer.next() else { return nil }
            rest.append(contentsOf: buffer.readableBytesView)
        }
    }
}

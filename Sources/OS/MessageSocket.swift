internal import CShims
internal import Glibc

/// One end of a connection between two processes of ours, for messages and open files (unix(7), SOCK_SEQPACKET).
public final class MessageSocket: @unchecked Sendable {
    /// Bytes of a message: kernels take that much by default (net.core.wmem_default).
    public static let mostBytes = 128 << 10

    private let descriptor: Descriptor
    // Used by `receive` alone, which one thread at a time calls.
    private var buffer: UnsafeMutableRawBufferPointer?

    deinit {
        buffer?.deallocate()
    }

    /// - Parameter descriptor: Of a socket.
    public init(_ descriptor: consuming Descriptor) {
        self.descriptor = descriptor
    }

    public static func pair() throws(SystemError) -> (MessageSocket, MessageSocket) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw .last("make", "a pair of sockets")
        }
        return (MessageSocket(Descriptor(open: ends[0])), MessageSocket(Descriptor(open: ends[1])))
    }

    public func send(_ bytes: [UInt8], file: RegularFile? = nil) throws(SystemError) {
        try send(bytes, descriptor: file?.descriptor.number ?? -1)
    }

    /// Sends an end of another connection.
    /// - Parameter bytes: At least one.
    public func send(_ bytes: [UInt8], socket: MessageSocket) throws(SystemError) {
        try send(bytes, descriptor: socket.descriptor.number)
    }

    private func send(_ bytes: [UInt8], descriptor other: Int32) throws(SystemError) {
        let sent = bytes.withUnsafeBytes { bytes in
            retrying { sniscope_send_message(descriptor.number, bytes.baseAddress, bytes.count, other) }
        }
        guard sent == bytes.count else { throw .last("send", "a message") }
    }

    public struct Message: ~Copyable {
        public let bytes: [UInt8]
        public let descriptor: Descriptor?

        public consuming func socket() -> MessageSocket? {
            guard let descriptor else { return nil }
            return MessageSocket(descriptor)
        }

        /// - Parameter name: How messages call it.
        public consuming func file(named name: String) -> RegularFile? {
            guard let descriptor else { return nil }
            return try? RegularFile(open: descriptor, path: name)
        }
    }

    /// To be called by one thread at a time.
    /// - Returns: nil where the other process has ended or closed its end.
    public func receive() throws(SystemError) -> Message? {
        var file: Int32 = -1
        let bytes: [UInt8]?
        do throws(SystemError) {
            bytes = try receive(&file)
        } catch {
            if file >= 0 { _ = Descriptor(open: file) }
            throw error
        }
        let received = file >= 0 ? Descriptor(open: file) : nil
        guard let bytes else { return nil }
        return Message(bytes: bytes, descriptor: received)
    }

    /// As `receive`, where no descriptor is to come: one that comes all the same is closed.
    public func receiveBytes() throws(SystemError) -> [UInt8]? {
        try receive(nil)
    }

    /// - Parameter file: Becomes the number of the descriptor that came.
    private func receive(_ file: UnsafeMutablePointer<Int32>?) throws(SystemError) -> [UInt8]? {
        let buffer = self.buffer ?? .allocate(byteCount: Self.mostBytes, alignment: 1)
        self.buffer = buffer
        let size = retrying {
            sniscope_receive_message(descriptor.number, buffer.baseAddress, buffer.count, file)
        }
        guard size >= 0 else {
            // The other process ended with messages unread.
            if errno == ECONNRESET { return nil }
            throw .last("receive", "a message")
        }
        return size == 0 ? nil : Array(buffer[..<size])
    }

    /// Hands the socket to a program that is about to be executed.
    func withNumber<Result>(_ body: (Int32) -> Result) -> Result { body(descriptor.number) }
}

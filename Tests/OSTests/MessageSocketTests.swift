import Glibc
import Testing

@testable import OS

@Suite("Messages between processes")
struct MessageSocketTests {
    /// Sends a message with the writing end of a pipe, several times over, and closes its own.
    /// - Returns: The reading end.
    private func send(_ count: Int, to socket: MessageSocket) throws -> Int32 {
        var pipe: [Int32] = [-1, -1]
        try #require(Glibc.pipe(&pipe) == 0)
        _ = fcntl(pipe[0], F_SETFL, O_NONBLOCK)
        // struct cmsghdr: length, level, type; SCM_RIGHTS is 1.
        let header = 16
        var control = [UInt8](repeating: 0, count: header + 8 * count)
        var bytes: [UInt8] = [42]
        let sent = control.withUnsafeMutableBytes { control in
            control.storeBytes(of: header + 4 * count, as: Int.self)
            control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
            control.storeBytes(of: 1, toByteOffset: 12, as: Int32.self)
            for index in 0..<count { control.storeBytes(of: pipe[1], toByteOffset: header + 4 * index, as: Int32.self) }
            return bytes.withUnsafeMutableBytes { bytes in
                var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = header + 4 * count
                    return socket.withNumber { sendmsg($0, &message, 0) }
                }
            }
        }
        #expect(sent == 1)
        close(pipe[1])
        return pipe[0]
    }

    /// Whether nobody has the writing end.
    private func isAtEnd(_ pipe: Int32) -> Bool {
        var byte: UInt8 = 0
        return read(pipe, &byte, 1) == 0
    }

    @Test("one descriptor that is wanted stays open, and no other", arguments: [1, 2, 3, 16])
    func descriptors(count: Int) throws {
        let (ours, theirs) = try MessageSocket.pair()
        let pipe = try send(count, to: theirs)
        defer { close(pipe) }
        do {
            let message = try ours.receive()
            #expect(!isAtEnd(pipe))
            let socket = message?.socket()
            #expect(socket != nil)
        }
        #expect(isAtEnd(pipe))
    }

    @Test("none stays open where bytes alone are wanted", arguments: [1, 2, 3])
    func bytes(count: Int) throws {
        let (ours, theirs) = try MessageSocket.pair()
        let pipe = try send(count, to: theirs)
        defer { close(pipe) }
        #expect(try ours.receiveBytes() == [42])
        #expect(isAtEnd(pipe))
    }
}

internal import Glibc

extension SystemError {
    /// Nobody listens at the socket.
    public var isRefused: Bool { code == ECONNREFUSED }
}

internal import Glibc

/// Addresses as text.
public enum IPAddress {
    /// Whether a text is an IPv4 address in four decimal numbers, or an IPv6 address without a zone (inet_pton(3)).
    public static func isLiteral(_ text: String) -> Bool {
        // inet_pton would read up to a NUL.
        guard !text.utf8.contains(0) else { return false }
        var address = in6_addr()
        return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }
}

internal import OS

/// What a library makes of the name that it is given, so that events tell what is sent.
public struct NameTreatment: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// An IP address, also in brackets and with a zone, sends no name.
    public static let dropsIPLiterals = NameTreatment(rawValue: 1)
    /// Dots at the end are left out.
    public static let trimsTrailingDots = NameTreatment(rawValue: 2)

    /// The name as it is sent; nil where none is. As Go does it (`hostnameInSNI` in src/crypto/tls/handshake_client.go).
    public func sentName(_ name: String) -> String? {
        if contains(.dropsIPLiterals), Self.isIPLiteral(name) { return nil }
        guard contains(.trimsTrailingDots), name.utf8.last == UInt8(ascii: ".") else { return name }
        let end = name.utf8.lastIndex { $0 != UInt8(ascii: ".") }
        return end.map { String(name[...$0]) }
    }

    private static func isIPLiteral(_ name: String) -> Bool {
        var host = name.utf8[...]
        if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
        // The zone of an IPv6 address.
        if let percent = host.lastIndex(of: UInt8(ascii: "%")), percent > host.startIndex { host = host[..<percent] }
        return IPAddress.isLiteral(String(decoding: host, as: UTF8.self))
    }
}

/// One TLS library as a file in `symbols/` describes it: how to recognise it, which functions take the server name,
/// where its version stands.
public struct LibraryDescription: Sendable, Hashable {
    public struct Function: Sendable, Hashable {
        /// The name in `.dynsym`, exactly.
        public let symbol: String
        public let rule: FunctionRule
    }

    /// Where a file says which version it is. Versions are read, never asked for by running anything.
    public struct VersionSource: Sendable, Hashable {
        /// The text right before the version, such as `OpenSSL `; nil where the version is a string of its own, which
        /// must then fit `symbolVersions`.
        public let prefix: String?
        /// Part of the name of a needed library that has the text if the file itself does not, such as `libcrypto`.
        public let beside: String?
        /// What the names of symbol versions begin with, such as `OPENSSL_`: the newest gives at least major and minor.
        public let symbolVersions: String?
    }

    /// The library's name as users see it.
    public let kind: String
    /// A file is this library if it defines all of these functions …
    public let defines: [String]
    /// … and none of these.
    public let lacks: [String]
    /// Each symbol once.
    public let functions: [Function]
    public let version: VersionSource?

    /// All symbols that must be looked up to recognise the library and to find its functions.
    var symbols: [String] { defines + lacks + functions.map(\.symbol) }
}

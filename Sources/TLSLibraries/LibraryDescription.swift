public import CodeSearch

/// One TLS library as a file in `symbols/` describes it: how to recognise it, which functions take the server name,
/// where they and its version are found.
public struct LibraryDescription: Sendable, Hashable {
    public struct Function: Sendable, Hashable {
        /// What users see; the name in symbol tables, where it is looked for by that.
        public let name: String
        /// Whether symbol tables are asked for `name`.
        public let hasSymbol: Bool
        /// Nil where programs do not rename the library.
        public let renamed: Renamed?
        /// How to find it without symbols; nil where nobody knows how.
        public let anchor: Anchor?
        /// Names in a Go program's own table, `*/` at the beginning for any path.
        public let goFunctions: [String]
        public let rule: FunctionRule

        /// The rule, and what becomes of it in old Go programs.
        public var rules: [FunctionRule] { goFunctions.isEmpty ? [rule] : [rule, rule.withStackArguments] }
    }

    /// Programs bring the library along under names with a prefix of their own.
    public struct Renamed: Sendable, Hashable {
        /// Prefixes of other functions, which call this one.
        public let except: [String]
        /// Another function of the library that every copy has under the same prefix, and wrappers of single functions
        /// have not.
        public let with: String
    }

    public struct Anchor: Sendable, Hashable {
        /// The function that the rule finds: it takes the same arguments, but may be another one that stands behind it.
        public let finds: String
        public let rule: AnchorRule
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
    /// … and none of these. Both empty: if one of `functions` is found in it.
    public let lacks: [String]
    /// Texts in the file that tell of the library where no function does: one is enough.
    public let texts: [String]
    /// Each name once.
    public let functions: [Function]
    public let version: VersionSource?
    /// Why the library can't be traced, a clause; nil where it can.
    public let untraceable: String?
    /// Of the text that it was read from.
    public internal(set) var checksum: UInt64 = 0

    /// All symbols that must be looked up to recognise the library and to find its functions.
    var symbols: [String] { defines + lacks + functions.filter(\.hasSymbol).map(\.name) }
}

/// Which functions to find in a symbol table that is read from its beginning to its end.
public struct SymbolPattern: Sendable, Hashable, CustomStringConvertible {
    /// A name, or the last part of names.
    public let text: String
    /// True where `text` may follow a prefix.
    public let allowsPrefix: Bool
    /// What names begin with that don't count, whatever they end in.
    public let exceptions: [String]
    let bytes: [UInt8]
    private let exceptionBytes: [[UInt8]]

    /// One name.
    public init(exactly name: String) {
        self.init(name, allowsPrefix: false, exceptions: [])
    }

    /// A name by itself or after any prefix that ends in an underscore: so programs rename libraries that they bring
    /// along, for the case that another copy is in the same process (`CNIOBoringSSL_`, `aws_lc_0_25_0_`).
    /// - Parameter exceptions: Prefixes of wrappers, such as `_cffi_d_`: they call the function, and are not it.
    public init(afterAnyPrefix name: String, except exceptions: [String] = []) {
        self.init(name, allowsPrefix: true, exceptions: exceptions)
    }

    private init(_ text: String, allowsPrefix: Bool, exceptions: [String]) {
        self.text = text
        self.allowsPrefix = allowsPrefix
        self.exceptions = exceptions
        bytes = Array(text.utf8)
        exceptionBytes = exceptions.map { Array($0.utf8) }
    }

    func matches(_ name: ArraySlice<UInt8>) -> Bool {
        guard allowsPrefix, name.count > bytes.count else { return name.elementsEqual(bytes) }
        let prefix = name.dropLast(bytes.count)
        return prefix.last == UInt8(ascii: "_") && name[prefix.endIndex...].elementsEqual(bytes)
            && !Self.isReserved(name) && !exceptionBytes.contains { name.starts(with: $0) }
    }

    /// An underscore and a capital letter begin no name of C programs (C11, 7.1.3), but those that C++ (`_Z`), Rust (`_R`)
    /// and D (`_D`) make of theirs. Some end as their source says.
    private static func isReserved(_ name: ArraySlice<UInt8>) -> Bool {
        name.first == UInt8(ascii: "_")
            && name.dropFirst().first.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) } ?? false
    }

    public var description: String { allowsPrefix ? "*_\(text)" : text }
}

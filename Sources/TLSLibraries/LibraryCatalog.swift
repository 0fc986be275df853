public import ELFImage

/// The TLS libraries that are known, in order.
public struct LibraryCatalog: Sendable {
    public let descriptions: [LibraryDescription]
    /// All symbols of all descriptions, each once, ready to be looked up.
    public let symbols: [SymbolName]
    private let positions: [String: Int]

    /// - Parameter descriptions: A later one of the same kind replaces an earlier one, in its place.
    public init(_ descriptions: [LibraryDescription]) {
        var kept: [LibraryDescription] = []
        for description in descriptions {
            if let index = kept.firstIndex(where: { $0.kind == description.kind }) {
                kept[index] = description
            } else {
                kept.append(description)
            }
        }
        var symbols: [SymbolName] = []
        var positions: [String: Int] = [:]
        for symbol in kept.flatMap(\.symbols) where positions[symbol] == nil {
            positions[symbol] = symbols.count
            symbols.append(SymbolName(symbol))
        }
        self.descriptions = kept
        self.symbols = symbols
        self.positions = positions
    }

    /// The descriptions that are built in, from `symbols/`.
    public static var builtin: LibraryCatalog {
        get throws(DescriptionError) {
            LibraryCatalog(try LibraryDescription.decode(files: EmbeddedSymbols.files))
        }
    }

    /// This catalog with descriptions that replace or follow its own.
    public func adding(_ descriptions: [LibraryDescription]) -> LibraryCatalog {
        LibraryCatalog(self.descriptions + descriptions)
    }

    /// Where a description's symbol stands in `symbols`.
    func functions(of symbol: String, in found: [[Symbol]]) -> [Symbol] {
        positions[symbol].map { found[$0] } ?? []
    }
}

public import ELFImage

/// The TLS libraries that are known, in order.
public struct LibraryCatalog: Sendable {
    public let descriptions: [LibraryDescription]
    /// The texts of those that are not built in, for another process to make the same catalog of.
    public private(set) var added: [DescriptionText] = []
    /// All symbols of all descriptions, each once, ready to be looked up.
    public let symbols: [SymbolName]
    /// As `symbols`, and behind them the names that programs rename.
    let patterns: [SymbolPattern]
    /// Those alone.
    let renamedPatterns: [SymbolPattern]
    private let positions: [String: Int]
    private let renamedPositions: [String: Int]

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
        let renamed = kept.flatMap(\.functions).flatMap { function in
            function.renamed.map { renamed in
                [function.name, renamed.with].map { SymbolPattern(afterAnyPrefix: $0, except: renamed.except) }
            } ?? []
        }
        renamedPatterns = renamed
        patterns = symbols.map { SymbolPattern(exactly: $0.text) } + renamed
        renamedPositions = Dictionary(
            renamed.enumerated().map { ($0.element.text, symbols.count + $0.offset) },
            uniquingKeysWith: { first, _ in first })
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

    /// The same, of texts.
    public func adding(_ texts: [DescriptionText]) throws(DescriptionError) -> LibraryCatalog {
        var more: [LibraryDescription] = []
        for text in texts { more.append(try LibraryDescription.decode(json5: text.json5, file: text.file)) }
        var catalog = adding(more)
        catalog.added = added + texts
        return catalog
    }

    /// Where a description's symbol stands in `symbols`.
    func functions(of symbol: String, in found: [[Symbol]]) -> [Symbol] {
        positions[symbol].map { found[$0] } ?? []
    }

    /// Where a function stands under names with a prefix; none where only `symbols` were looked for.
    func renamed(_ function: LibraryDescription.Function, in found: [[Symbol]]) -> [Symbol] {
        guard let renamed = function.renamed else { return [] }
        let prefixes = Set(renamedSymbols(renamed.with, in: found).map { $0.name.dropLast(renamed.with.count) })
        return renamedSymbols(function.name, in: found).filter {
            prefixes.contains($0.name.dropLast(function.name.count))
        }
    }

    private func renamedSymbols(_ name: String, in found: [[Symbol]]) -> [Symbol] {
        guard let position = renamedPositions[name], position < found.count else { return [] }
        return found[position].filter { $0.name != name }
    }
}

/// A description as it stands in a file.
public struct DescriptionText: Sendable, Codable {
    /// For messages.
    public let file: String
    public let json5: [UInt8]

    public init(file: String, json5: [UInt8]) {
        self.file = file
        self.json5 = json5
    }
}

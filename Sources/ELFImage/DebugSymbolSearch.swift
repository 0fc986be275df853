/// The steps of `DebugSymbols.functions(matching:of:path:open:)`.
struct DebugSymbolSearch {
    let patterns: [SymbolPattern]
    let image: ELFImage
    private(set) var reasons: [String] = []

    init(patterns: [SymbolPattern], image: ELFImage) {
        self.patterns = patterns
        self.image = image
    }

    /// Nil where there are none.
    mutating func embedded() throws -> [[Symbol]]? {
        try orReason("The symbols in .gnu_debugdata are not used") { search in
            guard let file = try search.image.embeddedDebugFile() else { return nil }
            return try search.functions(in: file)
        }
    }

    /// Nil where there are none.
    mutating func separate(
        path: String, open: DebugSymbols.PathOpener
    ) throws -> (path: String, functions: [[Symbol]])? {
        let buildID = try image.buildID()
        if let buildID, let path = DebugSymbols.path(ofBuildID: buildID), let source = open(path) {
            let functions = try confirmed(path) { search in
                let file = try ELFImage(source)
                guard try file.buildIDOfDebugFile() == buildID else { throw Refusal.otherBuild }
                return try search.functions(in: file)
            }
            if let functions { return (path, functions) }
        }
        let link = try orReason("The file's debug link is not used") { try DebugLink(of: $0.image) }
        for path in link?.paths(for: path) ?? [] {
            guard let link, let source = open(path) else { continue }
            let functions = try confirmed(path) { search in
                let file = try ELFImage(source)
                if let buildID, let other = try file.buildIDOfDebugFile() {
                    guard other == buildID else { throw Refusal.otherBuild }
                } else {
                    guard let fits = try link.fits(source) else { throw Refusal.tooLarge }
                    guard fits else { throw Refusal.otherBuild }
                }
                return try search.functions(in: file)
            }
            if let functions { return (path, functions) }
        }
        return nil
    }

    /// Nil where it has none of them.
    private func functions(in file: ELFImage) throws -> [[Symbol]]? {
        guard file.machine == image.machine, file.encoding == image.encoding else { throw Refusal.otherMachine }
        let functions = try file.linkedFunctions(matching: patterns, code: .elsewhere)
        return functions.allSatisfy(\.isEmpty) ? nil : functions
    }

    /// Those of a separate file that the inspected one has too.
    private mutating func confirmed(
        _ path: String, _ look: (DebugSymbolSearch) throws -> [[Symbol]]?
    ) throws -> [[Symbol]]? {
        guard let found = try orReason("\(path) is not used", look) else { return nil }
        var others: [String] = []
        let functions = try found.map { symbols in
            try symbols.filter { symbol in
                let isStart = try image.functionRange(covering: symbol.address)?.lowerBound == symbol.address
                if !isStart { others.append(symbol.name) }
                return isStart
            }
        }
        if !others.isEmpty {
            let names = others.prefix(4).joined(separator: ", ")
            reasons.append(
                "\(path) names \(names) where the file's own unwind table has no function.")
        }
        return functions.allSatisfy(\.isEmpty) ? nil : functions
    }

    /// What `look` gives; where symbols are damaged or another file's, nil and a reason.
    private mutating func orReason<Result>(
        _ problem: String, _ look: (DebugSymbolSearch) throws -> Result?
    ) throws -> Result? {
        do {
            return try look(self)
        } catch let error as ELFError {
            reasons.append("\(problem): \(error).")
        } catch let error as Refusal {
            reasons.append("\(problem): \(error.rawValue).")
        }
        return nil
    }

    private enum Refusal: String, Error {
        case otherBuild = "it belongs to another build of the file"
        case otherMachine = "it is for another machine"
        case tooLarge = "not both have a build ID, and it is too large to compare its checksum"
    }
}

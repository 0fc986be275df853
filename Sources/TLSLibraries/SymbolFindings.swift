internal import ELFImage

/// Which libraries a file's symbols tell of.
struct SymbolFindings {
    let catalog: LibraryCatalog

    /// Symbol versions give a function several definitions; more than this is no real file.
    private static let definitionLimit = 16

    /// - Parameter found: For each of the catalog's `symbols`, or `patterns`, its functions.
    func findings(_ found: [[Symbol]], located: Located) -> [LibraryFinding] {
        guard !found.allSatisfy(\.isEmpty) else { return [] }
        return catalog.descriptions.filter { isRecognised($0, found) }.map { finding($0, found, located) }
    }

    private func isRecognised(_ description: LibraryDescription, _ found: [[Symbol]]) -> Bool {
        let isRenamed = description.functions.contains { !catalog.renamed($0, in: found).isEmpty }
        guard !isRenamed else { return true }
        guard !description.defines.isEmpty else {
            return description.functions.contains { $0.hasSymbol && !catalog.functions(of: $0.name, in: found).isEmpty }
        }
        return description.defines.allSatisfy { !catalog.functions(of: $0, in: found).isEmpty }
            && description.lacks.allSatisfy { catalog.functions(of: $0, in: found).isEmpty }
    }

    private func finding(_ description: LibraryDescription, _ found: [[Symbol]], _ located: Located) -> LibraryFinding {
        var finding = LibraryFinding(kind: description.kind, located: located)
        for (index, function) in description.functions.enumerated() where function.hasSymbol {
            let symbols = catalog.functions(of: function.name, in: found) + catalog.renamed(function, in: found)
            guard symbols.count <= Self.definitionLimit else {
                finding.reasons.append(
                    "\(function.name) can't be probed: the file defines it \(symbols.count) times.")
                continue
            }
            finding.functions += symbols.map {
                LibraryFinding.Function(
                    index: index, name: $0.name, address: $0.address, size: $0.size, isIndirect: $0.isIndirect,
                    evidence: [])
            }
        }
        if finding.functions.isEmpty && finding.reasons.isEmpty && description.untraceable == nil {
            let names = description.functions.map(\.name).joined(separator: ", ")
            finding.reasons.append("The file defines none of \(names).")
        }
        return finding
    }
}

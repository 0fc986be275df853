internal import CodeSearch
internal import ELFImage
internal import GoSymbols

/// Which libraries are in a file whose own symbols tell of none: by the symbols that were kept apart, by a Go program's
/// table of functions, by what functions contain, by texts.
struct HiddenFindings {
    let catalog: LibraryCatalog
    let image: ELFImage
    /// The file's path, and how to open others beside it.
    let path: String
    let open: DebugSymbols.PathOpener

    func find() throws -> [LibraryFinding] {
        var findings = try bySymbols()
        findings += try byGoFunctions()
        if findings.isEmpty {
            findings = try byAnchors()
        } else if findings.contains(where: { $0.located == .debuglink }) {
            findings = Self.joined(findings, try byAnchors())
        }
        findings += try byTexts(besides: Set(findings.map(\.kind)))
        return findings
    }

    private func bySymbols() throws -> [LibraryFinding] {
        let symbols = SymbolFindings(catalog: catalog)
        if !catalog.renamedPatterns.isEmpty, let dynamic = try image.dynamicSection(names: false) {
            let renamed = try image.dynamicFunctions(matching: catalog.renamedPatterns, dynamic)
            let findings = symbols.findings(catalog.symbols.map { _ in [] } + renamed, located: .dynsym)
            if !findings.isEmpty { return findings }
        }
        let kept = try DebugSymbols.functions(matching: catalog.patterns, of: image, path: path, open: open)
        guard let place = kept.place else { return [] }
        return symbols.findings(kept.functions, located: place == .embedded ? .debugdata : .debuglink)
    }

    private func byGoFunctions() throws -> [LibraryFinding] {
        let descriptions = catalog.descriptions.filter { $0.functions.contains { !$0.goFunctions.isEmpty } }
        guard !descriptions.isEmpty, let program = try GoProgram(image) else { return [] }
        return try descriptions.map { description in
            var finding = LibraryFinding(kind: description.kind, located: .gopclntab, version: program.version)
            for (index, function) in description.functions.enumerated() where !function.goFunctions.isEmpty {
                for found in try program.functions(named: function.goFunctions) {
                    guard let address = found.address else {
                        finding.reasons.append(
                            "\(found.name) can't be probed: the compiler put its code into its callers.")
                        continue
                    }
                    let body = found.bodyAddress.flatMap { $0 == address ? nil : $0 }
                    finding.functions.append(
                        LibraryFinding.Function(
                            index: index, name: found.name, address: address, size: found.size, isIndirect: false,
                            evidence: [],
                            place: body.map { .init(address: $0, reason: "after the check of the stack") },
                            takesStackArguments: program.passesArgumentsOnStack))
                }
            }
            return finding.functions.isEmpty && finding.reasons.isEmpty ? nil : finding
        }.compactMap(\.self)
    }

    private func byAnchors() throws -> [LibraryFinding] {
        let places = catalog.descriptions.flatMap { description in
            description.functions.indices.compactMap { index in
                description.functions[index].anchor.map { (description: description, index: index, anchor: $0) }
            }
        }
        let results = try AnchorSearch(image, places.map(\.anchor.rule)).run()
        var findings: [LibraryFinding] = []
        for (place, result) in zip(places, results) {
            var finding = LibraryFinding(kind: place.description.kind, located: .anchor)
            switch result {
            case .absent: continue
            case .found(let functions):
                finding.functions = functions.map {
                    LibraryFinding.Function(
                        index: place.index, name: place.anchor.finds, address: $0.address, size: $0.size,
                        isIndirect: false, evidence: $0.evidence)
                }
            case .refused(let reason):
                finding.reasons = ["\(place.anchor.finds) was not found: \(reason)."]
            }
            if let known = findings.firstIndex(where: { $0.kind == finding.kind }) {
                findings[known].functions += finding.functions
                findings[known].reasons += finding.reasons
            } else {
                findings.append(finding)
            }
        }
        // What two libraries' rules take for theirs is one's own copy of the other's source.
        let located = findings.filter { !$0.functions.isEmpty }
        return located.isEmpty ? findings : located
    }

    /// Findings by the symbols of a separate file, and by what the file's own code says. A symbol that names a function
    /// at another place than the code does is not believed; what the code alone says counts too.
    static func joined(_ named: [LibraryFinding], _ anchored: [LibraryFinding]) -> [LibraryFinding] {
        let checked = named.map { finding in
            var checked = finding
            guard finding.located == .debuglink else { return checked }
            checked.functions.removeAll { function in
                guard contradicts(anchored, finding.kind, function) else { return false }
                checked.reasons.append(
                    "The file of debug information names \(function.name) where the code has another function.")
                return true
            }
            return checked
        }
        let rest = anchored.compactMap { finding in
            var rest = finding
            let named = checked.filter { $0.kind == finding.kind }
            let known = Set(named.flatMap(\.functions).map(\.address))
            rest.functions.removeAll { known.contains($0.address) }
            if known.isEmpty { rest.reasons += named.flatMap(\.reasons) }
            return rest.functions.isEmpty ? nil : rest
        }
        return checked.filter { finding in
            !finding.functions.isEmpty || !rest.contains { $0.kind == finding.kind }
        } + rest
    }

    private static func contradicts(
        _ anchored: [LibraryFinding], _ kind: String, _ function: LibraryFinding.Function
    ) -> Bool {
        anchored.contains { finding in
            if finding.kind != kind { return finding.functions.contains { $0.address == function.address } }
            let places = finding.functions.filter { $0.index == function.index }
            return !places.isEmpty && !places.contains { $0.address == function.address }
        }
    }

    private func byTexts(besides known: Set<String>) throws -> [LibraryFinding] {
        let descriptions = catalog.descriptions.filter { !$0.texts.isEmpty && !known.contains($0.kind) }
        let present = try image.present(among: Set(descriptions.flatMap(\.texts)))
        return try descriptions.compactMap { description in
            if description.texts.contains(where: present.contains) {
                var finding = LibraryFinding(kind: description.kind, located: .anchor)
                if description.untraceable == nil { finding.reasons = ["None of its functions was found."] }
                if let version = description.version {
                    // Programs that speak of a library have its name too, but not with a version.
                    finding.version = try VersionSearch(source: version).version(of: image) { _ in nil }
                    if finding.version == nil { return nil }
                }
                return finding
            }
            return nil
        }
    }
}

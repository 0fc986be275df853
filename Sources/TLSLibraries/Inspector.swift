public import ELFImage

/// Finds TLS libraries in files, and where to attach to them.
public struct Inspector: Sendable {
    public let catalog: LibraryCatalog
    private let cache: (any FindingStore)?

    /// - Parameter cache: What was found in files before; nil: every file is searched anew.
    public init(catalog: LibraryCatalog, cache: (any FindingStore)? = nil) {
        self.catalog = catalog
        self.cache = cache
    }

    /// Opens a library that a file needs, by its `DT_NEEDED` name: a plain file name, but text from the inspected
    /// file, so not trusted. Nil where there is none.
    public typealias NeededOpener = (_ name: String) -> (any ByteSource)?

    /// The first look at a file, by its own symbols, without versions, in a few small reads. Files without TLS, nearly
    /// all of a host's, cost two or three.
    /// - Throws: `ELFError`, or what the source throws.
    public func findLibraries(in source: any ByteSource) throws -> FileReport {
        try findLibraries(in: try ELFImage(source))
    }

    /// The second look, at a file whose symbols tell of no library that can be traced: all of its strings are searched,
    /// and where one tells of a library, its code. Some 1 ms for each 2 MB, or 0.1 ms where nothing is found.
    /// - Parameters:
    ///   - path: The file's. Its debug information may be beside it.
    ///   - openDebugFile: Opens a file of debug information, by its path.
    ///   - willOpen: Is told the paths where files of debug information may be, before any is opened.
    /// - Returns: What both looks found.
    /// - Throws: `ELFError`, or what the source throws.
    public func searchLibraries(
        in source: any ByteSource, path: String = "",
        openDebugFile: @escaping DebugSymbols.PathOpener = DebugFiles.open, willOpen: ([String]) -> Void = { _ in }
    ) throws -> FileReport {
        let image = try ELFImage(source)
        let report = try findLibraries(in: image)
        guard !report.isTraceable else { return report }
        let hidden = HiddenFindings(catalog: catalog, image: image, path: path, open: openDebugFile)
        let findings =
            if let cache {
                try cache.findings(
                    in: image, try debugFiles(of: image, path, openDebugFile, willOpen), search: hidden.find)
            } else {
                try hidden.find()
            }
        return try self.report(image, findings, besides: report.libraries)
    }

    /// The first look, and where that shows no library that can be traced, what the second one found before.
    /// - Returns: Also whether it is what both looks found.
    /// - Throws: `ELFError`, or what the source throws.
    public func recallLibraries(
        in source: any ByteSource, path: String, openDebugFile: @escaping DebugSymbols.PathOpener,
        willOpen: ([String]) -> Void
    ) throws -> (report: FileReport, isOfAll: Bool) {
        let image = try ELFImage(source)
        let report = try findLibraries(in: image)
        guard !report.isTraceable, let cache,
            let findings = try cache.known(in: image, try debugFiles(of: image, path, openDebugFile, willOpen))
        else { return (report, false) }
        return (try self.report(image, findings, besides: report.libraries), true)
    }

    private func debugFiles(
        of image: ELFImage, _ path: String, _ open: DebugSymbols.PathOpener, _ willOpen: ([String]) -> Void
    ) throws -> [any ByteSource] {
        let paths = try DebugSymbols.paths(of: image, at: path)
        willOpen(paths)
        return paths.compactMap(open)
    }

    /// Everything, and versions.
    /// - Parameter openNeeded: OpenSSL's version stands in libcrypto, which is in the same folder, or which a process
    ///   maps with this file.
    /// - Throws: `ELFError`, or what the source throws.
    public func inspect(
        _ source: any ByteSource, path: String = "",
        openDebugFile: @escaping DebugSymbols.PathOpener = DebugFiles.open, openNeeded: NeededOpener
    ) throws -> FileReport {
        let report = try searchLibraries(in: source, path: path, openDebugFile: openDebugFile)
        return report.with(
            libraries: try report.libraries.map {
                $0.with(version: try $0.version ?? version(of: $0.kind, in: source, openNeeded: openNeeded))
            })
    }

    /// The version of a library that was found in the file; nil where nothing says it. Searches the file's strings:
    /// milliseconds for large ones.
    /// - Parameter kind: As in `FoundLibrary`.
    /// - Throws: `ELFError`, or what the source throws.
    public func version(
        of kind: String, in source: any ByteSource, openNeeded: NeededOpener
    ) throws -> String? {
        guard let version = catalog.descriptions.first(where: { $0.kind == kind })?.version else { return nil }
        return try VersionSearch(source: version).version(of: try ELFImage(source), openNeeded: openNeeded)
    }

    private func findLibraries(in image: ELFImage) throws -> FileReport {
        let dynamic = try image.dynamicSection(names: false)
        let symbols = SymbolFindings(catalog: catalog)
        var findings = symbols.findings(try image.dynamicFunctions(named: catalog.symbols, dynamic), located: .dynsym)
        let linked = try linkedFunctions(of: image)
        if findings.isEmpty, let linked { findings = symbols.findings(linked, located: .symtab) }
        return try report(image, findings, besides: [])
    }

    /// As `ELFImage.linkedFunctions`; none where the file is damaged there: neither the kernel nor the loader reads
    /// those parts, and packers leave anything in them.
    private func linkedFunctions(of image: ELFImage) throws -> [[Symbol]]? {
        do {
            return try image.linkedFunctions(matching: catalog.patterns)
        } catch is ELFError {
            return nil
        }
    }

    private func report(
        _ image: ELFImage, _ findings: [LibraryFinding], besides known: [FoundLibrary]
    ) throws -> FileReport {
        var places: [UInt64: String] = [:]
        let libraries = try known + findings.map { try library($0, in: image, &places) }
        return FileReport(
            machine: image.machine.name, buildID: libraries.isEmpty ? nil : try image.buildID(),
            isStripped: libraries.isEmpty ? false : try !image.hasLinkedSymbols(), libraries: libraries)
    }

    /// - Parameter places: Probe offsets that are taken, with the library that has them: one call is one event,
    ///   whatever names and descriptions lead to the place.
    private func library(
        _ finding: LibraryFinding, in image: ELFImage, _ places: inout [UInt64: String]
    ) throws -> FoundLibrary {
        guard let description = catalog.descriptions.first(where: { $0.kind == finding.kind }) else {
            return FoundLibrary(
                kind: finding.kind, version: nil, functions: [], reason: nil, isUncertain: true, isUntraceable: true,
                isStatic: true)
        }
        var points: [AttachPoint] = []
        var reasons = finding.reasons
        if let untraceable = description.untraceable {
            reasons.append("\(description.kind) can't be traced: \(untraceable).")
        }
        for function in finding.functions where description.functions.indices.contains(function.index) {
            let described = description.functions[function.index].rule
            let rule = function.takesStackArguments == true ? described.withStackArguments : described
            switch try Placement(function, in: image) {
            case .refused(let reason):
                reasons.append(reason)
            case .probe(let fileOffset, let probeOffset, let placement, let instruction):
                if let owner = places[probeOffset] {
                    if owner != description.kind {
                        reasons.append("\(function.name) is traced as \(owner) already.")
                    }
                    continue
                }
                places[probeOffset] = description.kind
                points.append(
                    AttachPoint(
                        function: function.name, rule: rule, address: function.address.value, fileOffset: fileOffset,
                        probeOffset: probeOffset, located: finding.located, evidence: function.evidence,
                        instruction: instruction, placement: placement))
            }
        }
        return FoundLibrary(
            kind: description.kind, version: finding.version, functions: points,
            reason: reasons.isEmpty ? nil : reasons.joined(separator: " "),
            isUncertain: finding.located == .anchor && finding.functions.isEmpty,
            isUntraceable: description.untraceable != nil, isStatic: finding.located != .dynsym)
    }
}

extension FileReport {
    /// Whether there is a place to attach to.
    public var isTraceable: Bool { libraries.contains { !$0.functions.isEmpty } }

    package func with(libraries: [FoundLibrary]) -> FileReport {
        FileReport(machine: machine, buildID: buildID, isStripped: isStripped, libraries: libraries)
    }
}

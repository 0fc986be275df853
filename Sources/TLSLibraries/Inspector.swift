public import ELFImage

/// Finds TLS libraries in files, and where to attach to them.
public struct Inspector: Sendable {
    public let catalog: LibraryCatalog

    /// Symbol versions give a function several definitions; more than this is no real file.
    private static let definitionLimit = 16

    public init(catalog: LibraryCatalog) {
        self.catalog = catalog
    }

    /// Opens a library that a file needs, by its `DT_NEEDED` name: a plain file name, but text from the inspected
    /// file, so not trusted. Nil where there is none.
    public typealias NeededOpener = (_ name: String) -> (any ByteSource)?

    /// The first look at a file: everything but versions, in a few small reads. Files without TLS, nearly all of a
    /// host's, cost two or three.
    /// - Throws: `ELFError`, or what the source throws.
    public func findLibraries(in source: any ByteSource) throws -> FileReport {
        try findLibraries(in: try ELFImage(source))
    }

    /// The first look, and versions.
    /// - Parameter openNeeded: OpenSSL's version stands in libcrypto, which is in the same folder, or which a process
    ///   maps with this file.
    /// - Throws: `ELFError`, or what the source throws.
    public func inspect(_ source: any ByteSource, openNeeded: NeededOpener) throws -> FileReport {
        let image = try ELFImage(source)
        let report = try findLibraries(in: image)
        let libraries = try report.libraries.map {
            $0.with(version: try version(of: $0.kind, in: image, openNeeded: openNeeded))
        }
        return FileReport(machine: report.machine, buildID: report.buildID, libraries: libraries)
    }

    /// The version of a library that was found in the file; nil where nothing says it. Searches the file's strings:
    /// milliseconds for large ones.
    /// - Parameter kind: As in `FoundLibrary`.
    /// - Throws: `ELFError`, or what the source throws.
    public func version(
        of kind: String, in source: any ByteSource, openNeeded: NeededOpener
    ) throws -> String? {
        try version(of: kind, in: try ELFImage(source), openNeeded: openNeeded)
    }

    private func version(of kind: String, in image: ELFImage, openNeeded: NeededOpener) throws -> String? {
        guard let source = catalog.descriptions.first(where: { $0.kind == kind })?.version else { return nil }
        return try VersionSearch(source: source).version(of: image, openNeeded: openNeeded)
    }

    private func findLibraries(in image: ELFImage) throws -> FileReport {
        let dynamic = try image.dynamicSection(names: false)
        var libraries = try libraries(
            try image.dynamicFunctions(named: catalog.symbols, dynamic), located: .dynsym, in: image)
        if libraries.isEmpty {
            libraries = try self.libraries(try linkedFunctions(of: image), located: .symtab, in: image)
        }
        return FileReport(
            machine: image.machine.name, buildID: libraries.isEmpty ? nil : try image.buildID(), libraries: libraries)
    }

    /// As `ELFImage.linkedFunctions`; none where the file is damaged there: neither the kernel nor the loader reads
    /// those parts, and packers leave anything in them.
    private func linkedFunctions(of image: ELFImage) throws -> [[Symbol]] {
        do {
            return try image.linkedFunctions(named: catalog.symbols)
        } catch is ELFError {
            return catalog.symbols.map { _ in [] }
        }
    }

    private func libraries(
        _ found: [[Symbol]], located: Located, in image: ELFImage
    ) throws -> [FoundLibrary] {
        guard !found.allSatisfy(\.isEmpty) else { return [] }
        var places: [UInt64: String] = [:]
        return try catalog.descriptions.filter { isRecognised($0, found) }
            .map { try library($0, found, located, in: image, &places) }
    }

    private func isRecognised(_ description: LibraryDescription, _ found: [[Symbol]]) -> Bool {
        description.defines.allSatisfy { !catalog.functions(of: $0, in: found).isEmpty }
            && description.lacks.allSatisfy { catalog.functions(of: $0, in: found).isEmpty }
    }

    /// - Parameter places: Probe offsets that are taken, with the library that has them: one call is one event,
    ///   whatever names and descriptions lead to the place.
    private func library(
        _ description: LibraryDescription, _ found: [[Symbol]], _ located: Located, in image: ELFImage,
        _ places: inout [UInt64: String]
    ) throws -> FoundLibrary {
        var points: [AttachPoint] = []
        var reasons: [String] = []
        var isDefined = false
        for function in description.functions {
            let symbols = catalog.functions(of: function.symbol, in: found)
            isDefined = isDefined || !symbols.isEmpty
            guard symbols.count <= Self.definitionLimit else {
                reasons.append("\(function.symbol) can't be probed: the file defines it \(symbols.count) times.")
                continue
            }
            for symbol in symbols {
                switch try Placement(symbol, named: function.symbol, in: image) {
                case .refused(let reason):
                    reasons.append(reason)
                case .probe(let fileOffset, let probeOffset, let pad):
                    if let owner = places[probeOffset] {
                        if owner != description.kind {
                            reasons.append("\(function.symbol) is traced as \(owner) already.")
                        }
                        continue
                    }
                    places[probeOffset] = description.kind
                    points.append(
                        AttachPoint(
                            function: function.symbol, rule: function.rule, address: symbol.address,
                            fileOffset: fileOffset, probeOffset: probeOffset, located: located,
                            placement: pad.map { "after \($0)" }))
                }
            }
        }
        if !isDefined {
            let names = description.functions.map(\.symbol).joined(separator: ", ")
            reasons.append("The file defines none of \(names).")
        }
        return FoundLibrary(
            kind: description.kind, version: nil, functions: points,
            reason: reasons.isEmpty ? nil : reasons.joined(separator: " "))
    }
}

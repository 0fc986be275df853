/// Functions of a stripped file by the symbols that were kept elsewhere: compressed in the file itself, or in a separate
/// file of debug information.
public struct DebugSymbols: Sendable {
    public enum Place: Sendable, Hashable {
        /// In the section `.gnu_debugdata`.
        case embedded
        /// In a file of its own, found by build ID or `.gnu_debuglink`.
        case file(path: String)
    }

    /// Opens a file of debug information; nil where there is none that may be believed.
    public typealias PathOpener = (_ path: String) -> (any ByteSource)?

    /// Where a file of debug information may be, in the order in which it is looked for.
    /// - Parameter path: Of `image`.
    /// - Throws: What the source throws; of a damaged file, its build ID alone counts.
    public static func paths(of image: ELFImage, at path: String) throws -> [String] {
        var paths: [String] = []
        if let own = try image.buildID().flatMap(Self.path(ofBuildID:)) { paths.append(own) }
        do {
            paths += try DebugLink(of: image)?.paths(for: path) ?? []
        } catch is ELFError {}
        return paths
    }

    static func path(ofBuildID buildID: String) -> String? {
        buildID.count > 2 ? "/usr/lib/debug/.build-id/\(buildID.prefix(2))/\(buildID.dropFirst(2)).debug" : nil
    }

    /// Where the functions were found; nil where none was.
    public let place: Place?
    /// For each pattern its functions, by their addresses in the inspected file.
    public let functions: [[Symbol]]
    /// Why symbols that are there do not count: full sentences.
    public let reasons: [String]

    /// Looks for functions until a place has one.
    ///
    /// What a separate file says of its own counts only where the inspected file agrees: its unwind table must have a
    /// function at that address. A probe within an instruction corrupts the program for all who run it.
    /// - Parameters:
    ///   - path: Of `image`. Its debug files may be beside it.
    /// - Throws: What the sources throw; damaged symbols are among `reasons`.
    public static func functions(
        matching patterns: [SymbolPattern], of image: ELFImage, path: String, open: PathOpener
    ) throws -> DebugSymbols {
        var search = DebugSymbolSearch(patterns: patterns, image: image)
        if let functions = try search.embedded() {
            return DebugSymbols(place: .embedded, functions: functions, reasons: search.reasons)
        }
        if let (path, functions) = try search.separate(path: path, open: open) {
            return DebugSymbols(place: .file(path: path), functions: functions, reasons: search.reasons)
        }
        return DebugSymbols(place: nil, functions: patterns.map { _ in [] }, reasons: search.reasons)
    }
}

import ArgumentParser
import OS
import TLSLibraries

/// Which TLS libraries are known.
struct CatalogOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Descriptions of further TLS libraries (JSON5).", valueName: "file"))
    var symbols: [String] = []

    /// The built-in libraries and those of `--symbols`.
    /// - Throws: `SystemError`, `DescriptionError`.
    func catalog() throws -> LibraryCatalog {
        let own = try symbols.map { path in
            try LibraryDescription.decode(
                json5: String(decoding: Files.read(path, limit: 1 << 20), as: UTF8.self), file: path)
        }
        return try LibraryCatalog.builtin.adding(own)
    }
}

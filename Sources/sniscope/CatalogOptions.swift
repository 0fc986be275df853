import ArgumentParser
import OS
import TLSLibraries
import Tracing

/// Which TLS libraries are known, and what was found of them before.
struct CatalogOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Descriptions of further TLS libraries (JSON5).", valueName: "file"))
    var symbols: [String] = []

    @Option(
        help: ArgumentHelp(
            "Keep what was found in files here (/var/cache/sniscope for root; \"none\": nowhere).",
            valueName: "folder"))
    var cacheDir: String?

    /// What was found in files before; nil where nothing is kept. Says so where that is not the user's choice.
    /// - Throws: `SystemError` for a folder that the user named and that others can write in.
    func cache(_ catalog: LibraryCatalog) throws -> FindingCache? {
        if let cacheDir {
            return cacheDir == "none" ? nil : try FindingCache(path: cacheDir, catalog: catalog)
        }
        let usual = ScanCache.defaultPath(isRoot: Host.isRoot) { Environment[$0] }
        do throws(SystemError) {
            return try usual.map { path throws(SystemError) in try FindingCache(path: path, catalog: catalog) }
        } catch {
            ErrorOutput.print("what is found in large files is not kept for the next time: \(error)")
            return nil
        }
    }

    /// Keeps for the next run what was found in files, and says why where that can't be.
    static func keep(_ cache: FindingCache?) {
        cache?.save()
        if let failure = cache?.takeFailure() {
            ErrorOutput.print("\(failure); what is found in files is not kept for the next run")
        }
    }

    /// The built-in libraries and those of `--symbols`.
    /// - Throws: `SystemError`, `DescriptionError`.
    func catalog() throws -> LibraryCatalog {
        try LibraryCatalog.builtin.adding(
            try symbols.map { DescriptionText(file: $0, json5: try Files.read($0, limit: 1 << 20)) })
    }
}

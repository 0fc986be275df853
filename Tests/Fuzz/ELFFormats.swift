import ELFImage
import OS
import TLSLibraries

/// ELF files, looked into as `inspect` does.
enum ELFFormats {
    static let all = [
        format("elf-headers", ["library", "program", "debug", "go"], headers: true, sections: []),
        format("elf-sections", ["library", "program", "debug"], headers: false, sections: ["."]),
        format(
            "symbols", ["library", "debug"], headers: false, sections: [".dynsym", ".symtab", ".dynstr", ".dynamic"]),
        format("versions", ["library"], headers: false, sections: [".gnu.version", ".dynamic"]),
        format("gnu-hash", ["gnu-hash"], headers: false, sections: [".gnu.hash", ".dynamic"]),
        format("sysv-hash", ["sysv-hash"], headers: false, sections: [".hash", ".dynamic"]),
        format("notes", ["library", "debug"], headers: true, sections: [".note", ".gnu_debuglink"]),
        format("relocations", ["program"], headers: true, sections: [".rela", ".dynamic", ".data.rel.ro"]),
        format("unwind", ["program"], headers: true, sections: [".eh_frame"]),
        format("code", ["program"], headers: false, sections: [".text", ".rodata", ".eh_frame_hdr"]),
        format("minidebuginfo", ["debug"], headers: false, sections: [".gnu_debugdata"]),
        format("go", ["go"], headers: false, sections: [".go.buildinfo", ".gopclntab", ".noptrdata", ".data"]),
    ]

    private static func format(_ name: String, _ files: [String], headers: Bool, sections: [String]) -> Format {
        Format(name: name) {
            let inspector = Inspector(catalog: try .builtin)
            let samples = try files.map { file in
                let bytes = try Files.read("\(Format.samples)/\(file)", limit: 64 << 20)
                let report = try inspector.searchLibraries(in: MemorySource(bytes), openDebugFile: { _ in nil })
                guard !report.libraries.isEmpty else { throw SampleError(file: file) }
                return ELFSample.make(bytes, headers: headers, sections)
            }
            return { choices in
                guard let sample = choices.element(of: samples) else { return }
                look(MemorySource(sample.edited(&choices)), inspector)
            }
        }
    }

    private static func look(_ source: MemorySource, _ inspector: Inspector) {
        _ = try? inspector.inspect(source, openDebugFile: { _ in nil }, openNeeded: { _ in source })
        let resolver = NeededResolver(libraryPath: "/lib:$ORIGIN", cache: nil) { $0.hasPrefix("/lib") ? source : nil }
        _ = try? resolver.resolve("/lib/program").paths
    }
}

/// A sample that is no use: what is changed in it changes nothing.
private struct SampleError: Error, CustomStringConvertible {
    let file: String

    var description: String { "no library is found in the sample \"\(file)\" as it is" }
}

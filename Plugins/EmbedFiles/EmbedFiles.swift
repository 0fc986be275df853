import Foundation
import PackagePlugin

/// Puts files of the package into the binary as Swift constants: the compiled programs of `bpf/` into `BPFPrograms`,
/// the descriptions of `symbols/` into `TLSLibraries`.
@main
struct EmbedFiles: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        switch target.name {
        case "BPFPrograms": try programs(context)
        case "TLSLibraries": try descriptions(context)
        default: []
        }
    }

    private func programs(_ context: PluginContext) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "bpf")
        let abi = folder.appending(path: "abi")
        let headers = try (files(folder) + files(abi)).filter { $0.pathExtension == "h" }
        let clang = try context.tool(named: "clang").url
        return try files(folder).filter { $0.lastPathComponent.hasSuffix(".bpf.c") }.map { source in
            let name = String(source.lastPathComponent.dropLast(".bpf.c".count))
            let output = context.pluginWorkDirectoryURL.appending(path: "\(name).bpf.swift")
            return .buildCommand(
                displayName: "Compiling BPF \(name)",
                executable: try context.tool(named: "embed").url,
                arguments: [
                    "program", name, output.path, try context.tool(named: "llvm-objcopy").url.path, clang.path,
                    "-g", "-O2", "-mcpu=v3", "-target", "bpf", "-Wall", "-Werror", "-D__TARGET_ARCH_\(architecture)",
                    "-ffile-prefix-map=\(context.package.directoryURL.path)=.",
                    "-idirafter", "/usr/include/\(triple)", "-I", folder.path, "-c", source.path,
                ],
                // The folders themselves: a new file in them would go unnoticed otherwise.
                inputFiles: [source, folder, abi] + headers,
                outputFiles: [output])
        }
    }

    private func descriptions(_ context: PluginContext) throws -> [Command] {
        let folder = context.package.directoryURL.appending(path: "symbols")
        let sources = try files(folder).filter { $0.pathExtension == "json5" }
        let output = context.pluginWorkDirectoryURL.appending(path: "EmbeddedSymbols.swift")
        return [
            .buildCommand(
                displayName: "Embedding symbols",
                executable: try context.tool(named: "embed").url,
                arguments: ["texts", "EmbeddedSymbols", output.path] + sources.map(\.path),
                inputFiles: [folder] + sources,
                outputFiles: [output])
        ]
    }

    private func files(_ folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.path < $1.path }
    }

    /// libbpf's name for the machine. It is the one that builds: a cross build must pass another.
    private var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "x86"
        #endif
    }

    private var triple: String {
        #if arch(arm64)
            "aarch64-linux-gnu"
        #else
            "x86_64-linux-gnu"
        #endif
    }
}

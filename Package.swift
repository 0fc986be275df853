// swift-tools-version: 6.2
import PackageDescription

/// CI sets this; for users a newer compiler's new warning is no reason not to build.
let warningsAreErrors = Context.environment["SNISCOPE_WARNINGS_AS_ERRORS"] != nil

let testing: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : [])
let wrapping = testing
let c: [CSetting] = warningsAreErrors ? [.treatAllWarnings(as: .error)] : []
/// `Tests/fuzz` sets this: parsers are compiled so that the fuzzer sees which of their code runs.
let isFuzzing = Context.environment["SNISCOPE_FUZZING"] != nil
/// Unsafe code does not compile without a word that says so.
let safe =
    testing + [.strictMemorySafety()]
    + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer", "-enable-testing"])] : [])

let package = Package(
    name: "sniscope",
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "sniscope",
            dependencies: [
                "Tracing", "Inspection", "Rendering", "Containers", "Processes", "TLSLibraries", "ELFImage", "LibBPF",
                "OS",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "SystemPackage", package: "swift-system"),
            ], swiftSettings: safe),
        .target(
            name: "Tracing",
            dependencies: [
                "Containers", "Processes", "Inspection", "TLSLibraries", "ELFImage", "LibBPF", "BPFPrograms", "CEvents",
                "OS",
            ], swiftSettings: safe),
        // Its generic types are compiled for each kind of row where that is known, which halves the cost of a row.
        .target(
            name: "Rendering",
            swiftSettings: safe + [.unsafeFlags(["-cross-module-optimization"], .when(configuration: .release))]),
        .target(
            name: "Containers",
            dependencies: [
                "Processes", "OS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ], swiftSettings: safe),
        .target(name: "Processes", dependencies: ["OS"], swiftSettings: safe),
        .target(
            name: "TLSLibraries", dependencies: ["CodeSearch", "GoSymbols", "ELFImage", "LibLZMA", "OS"],
            swiftSettings: safe, plugins: ["EmbedFiles"]),
        .target(name: "Inspection", dependencies: ["TLSLibraries", "ELFImage", "OS"], swiftSettings: safe),
        .target(name: "CodeSearch", dependencies: ["ELFImage", "OS"], swiftSettings: safe),
        .target(name: "GoSymbols", dependencies: ["ELFImage", "OS"], swiftSettings: safe),
        .target(name: "ELFImage", dependencies: ["LibLZMA", "OS"], swiftSettings: safe),

        // The modules that wrap the kernel, libbpf and liblzma: unsafe code stands here and nowhere else.
        .target(name: "OS", dependencies: ["CShims"], swiftSettings: wrapping),
        .target(name: "LibBPF", dependencies: ["CLibbpf", "CBPFShims", "CEvents"], swiftSettings: wrapping),
        .target(name: "LibLZMA", dependencies: ["CLZMA"], swiftSettings: wrapping),
        .target(name: "CShims", cSettings: c),
        .target(name: "CBPFShims", dependencies: ["CLibbpf"], cSettings: c),
        .target(name: "CEvents", path: "bpf/abi", publicHeadersPath: "."),
        .systemLibrary(name: "CLibbpf", pkgConfig: "libbpf", providers: [.apt(["libbpf-dev", "libelf-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),

        .target(name: "BPFPrograms", swiftSettings: safe, plugins: ["EmbedFiles"]),
        .plugin(name: "EmbedFiles", capability: .buildTool(), dependencies: ["embed"]),
        .executableTarget(name: "embed"),

        // What tests of several modules use.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: testing),
        .testTarget(name: "RenderingTests", dependencies: ["Rendering"], swiftSettings: testing),
        .testTarget(
            name: "ELFImageTests", dependencies: ["ELFImage", "LibLZMA", "OS", "TLSLibraries", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "CodeSearchTests", dependencies: ["CodeSearch", "ELFImage", "OS", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "GoSymbolsTests", dependencies: ["GoSymbols", "ELFImage", "OS", "TestSupport"],
            swiftSettings: testing),
        .testTarget(
            name: "TLSLibrariesTests", dependencies: ["TLSLibraries", "ELFImage", "OS", "TestSupport"],
            swiftSettings: testing),
        .testTarget(name: "OSTests", dependencies: ["OS", "TestSupport"], swiftSettings: testing),
        .testTarget(name: "LibBPFTests", dependencies: ["LibBPF", "TestSupport"], swiftSettings: testing),
        .testTarget(name: "ProcessesTests", dependencies: ["Processes", "OS"], swiftSettings: testing),
        .testTarget(
            name: "ContainersTests",
            dependencies: [
                "Containers", "Processes", "OS",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ], swiftSettings: testing),
        .testTarget(name: "TracingTests", dependencies: ["Tracing", "Processes", "OS"], swiftSettings: testing),
        // Not linked to: it is built so that the tests can run it.
        .testTarget(name: "SniscopeTests", dependencies: ["sniscope", "TestSupport"], swiftSettings: testing),
    ]
)

if isFuzzing {
    package.targets += [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "Containers", "Processes", "Inspection", "TLSLibraries", "ELFImage", "OS", "CFuzzDriver",
            ],
            path: "Tests/Fuzz", exclude: ["samples", "driver"],
            swiftSettings: testing + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
        .target(name: "CFuzzDriver", path: "Tests/Fuzz/driver"),
    ]
}

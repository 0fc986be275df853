// swift-tools-version: 6.2
import PackageDescription

// A package of its own: sniscope itself needs no TLS. Its BoringSSL, whose functions have a prefix, is also what the
// compiler matrix compiles.
let package = Package(
    name: "nio-client",
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    ],
    targets: [
        .executableTarget(
            name: "nio-client",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ])
    ]
)

internal import ELFImage

/// Reads a library's version from files.
struct VersionSearch {
    let source: LibraryDescription.VersionSource

    /// Versions are short; a beta's name and FIPS marks have room.
    private static let longest = 32
    /// Libraries of the wanted name that are tried: real files need one.
    private static let siblingLimit = 4

    /// The version of the library in `image`; nil where nothing says it.
    func version(of image: ELFImage, openNeeded: Inspector.NeededOpener) throws -> String? {
        let dynamic = try image.dynamicSection()
        let newest = try dynamic.flatMap { try newestSymbolVersion(image, $0) }
        if let prefix = source.prefix {
            if let version = try version(after: prefix, in: image) { return version }
            if let dynamic, let version = try version(after: prefix, besides: dynamic, openNeeded) { return version }
        } else if let newest, let version = try version(fitting: newest, in: image) {
            return version
        }
        return newest?.majorAndMinor
    }

    /// One of three numbers, if there is such: Node's help has "enable OpenSSL 3.0 legacy provider", too.
    private func version(after prefix: String, in image: ELFImage) throws -> String? {
        let texts = try image.matches(of: Array(prefix.utf8), following: Self.longest + 1)
        let versions = texts.compactMap { Self.version(at: $0) }
        return versions.first { VersionNumber($0).map { $0.parts.count >= 3 } ?? false } ?? versions.first
    }

    /// As `version(after:in:)`, in the needed libraries that the description names.
    private func version(
        after prefix: String, besides dynamic: DynamicSection, _ openNeeded: Inspector.NeededOpener
    ) throws -> String? {
        guard let beside = source.beside else { return nil }
        // A path would lead out of the folder that the opener looks in.
        let names = dynamic.needed.filter { $0.contains(beside) && !$0.contains("/") && !$0.hasPrefix(".") }
        for name in names.prefix(Self.siblingLimit) {
            guard let sibling = openNeeded(name), let image = try? ELFImage(sibling) else {
                // Missing or not ELF: the version is not known from it, and nothing else depends on it.
                continue
            }
            if let version = try version(after: prefix, in: image) { return version }
        }
        return nil
    }

    private func newestSymbolVersion(_ image: ELFImage, _ dynamic: DynamicSection) throws -> VersionNumber? {
        guard let prefix = source.symbolVersions else { return nil }
        return try image.symbolVersions(dynamic).compactMap { name -> VersionNumber? in
            guard name.hasPrefix(prefix) else { return nil }
            let rest = name.dropFirst(prefix.count)
            return VersionNumber(rest, separator: rest.contains("_") ? "_" : ".")
        }.max()
    }

    /// The version that is a string of its own: of the newest symbol version's major, and not older. Object identifiers
    /// look like versions but have more numbers.
    private func version(fitting newest: VersionNumber, in image: ELFImage) throws -> String? {
        let start = Array("\(newest.parts[0]).".utf8)
        let texts = try image.matches(of: [0] + start, following: Self.longest)
        let versions = texts.compactMap { text -> String? in
            guard let version = Self.version(at: start + text, toEnd: true),
                let number = VersionNumber(version), number >= newest, number.parts.count == 3
            else { return nil }
            return version
        }
        // Two that fit and differ say nothing.
        guard let version = versions.first, versions.allSatisfy({ $0 == version }) else { return nil }
        return version
    }

    /// The version that bytes begin with, up to a blank, a slash, a bracket or the string's end.
    /// - Parameter toEnd: Only if the string ends right after it.
    private static func version(at bytes: [UInt8], toEnd: Bool = false) -> String? {
        let token = bytes.prefix {
            switch $0 {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard token.count <= longest, token.count < bytes.count else { return nil }
        let next = bytes[token.count]
        // A blank follows in a sentence, a slash in the path of a source file, a bracket closes "Server VM (17.0.9+9)".
        guard next == 0 || !toEnd && [UInt8(ascii: " "), UInt8(ascii: "/"), UInt8(ascii: ")")].contains(next) else {
            return nil
        }
        let version = String(decoding: token, as: UTF8.self)
        return VersionNumber(version) == nil ? nil : version
    }
}

internal import ELFImage

/// The folders that a loader looks in for the libraries of one object (ld.so(8), "DESCRIPTION"; musl,
/// ldso/dynlink.c).
struct SearchPath {
    /// Folders of one list that are believed; real ones have a handful.
    private static let folderLimit = 64

    /// The absolute folders of a list with the loader's variables filled in. Folders relative to a working directory,
    /// which nobody knows here, are left out.
    /// - Parameters:
    ///   - origin: The path of the object that has the list.
    ///   - separators: Colons; the loader's own lists may have semicolons or newlines.
    static func folders(_ list: String, origin: String, machine: Machine, separators: String = ":;\n") -> [String] {
        list.split(whereSeparator: { separators.contains($0) }).prefix(folderLimit)
            .flatMap { expand(String($0), origin: origin, machine: machine) }
            .filter { $0.hasPrefix("/") }
    }

    /// `text` with `$ORIGIN`, `$LIB` and `$PLATFORM`, braces or not. `$LIB` is what the distribution made it, so it
    /// gives several.
    static func expand(_ text: String, origin: String, machine: Machine) -> [String] {
        guard text.contains("$") else { return [text] }
        let folder = folder(of: origin)
        let once = replace(
            "PLATFORM", in: replace("ORIGIN", in: text, with: folder == "/" ? "" : folder), with: machine.name)
        let libraries = ["lib/\(machine.name)-linux-gnu", "lib64", "lib"].map { replace("LIB", in: once, with: $0) }
        return libraries.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// The folder of an absolute path.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// Where glibc looks without being told: distributions differ.
    static func defaultFolders(_ machine: Machine) -> [String] {
        let triplet = "\(machine.name)-linux-gnu"
        return ["/lib/\(triplet)", "/usr/lib/\(triplet)", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]
    }

    private static func replace(_ variable: String, in text: String, with value: String) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            if after.hasPrefix("{\(variable)}") {
                result += value
                rest = after.dropFirst(variable.count + 2)
            } else if after.hasPrefix(variable), !isWord(after.dropFirst(variable.count).first) {
                result += value
                rest = after.dropFirst(variable.count)
            } else {
                result += "$"
                rest = after
            }
        }
        return result + rest
    }

    private static func isWord(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character == "_" || character.isASCII && (character.isLetter || character.isNumber)
    }
}

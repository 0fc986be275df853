import Foundation
import Testing

/// The program of Benchmarks/programs/first_call.c: it asks for one server name, which stands in the file, and ends.
enum FirstCall {
    /// - Returns: The program's path.
    static func compile(in workspace: Workspace) async throws -> String {
        let sources = URL(filePath: #filePath).appending(path: "../../../../Benchmarks/programs/first_call.c")
        let code = try String(contentsOf: sources.standardizedFileURL, encoding: .utf8)
        return try await workspace.compile(code, as: "first_call", "-Wl,--build-id", "-lssl")
    }
}

/// Bytes of files, of which each copy becomes one of its own: with its own server name and build IDs.
struct FreshTemplate: Sendable {
    private let data: Data
    private let names: [Int]
    private let buildIDs: [Int]

    private static let placeholder = Data("first-call-000000000000.test".utf8)
    /// struct Elf64_Nhdr of a build ID of 20 bytes, and its name (elf(5)).
    private static let note = Data([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8))

    init(file: String) throws {
        data = try Data(contentsOf: URL(filePath: file))
        names = Self.places(of: Self.placeholder, in: data)
        buildIDs = Self.places(of: Self.note, in: data).map { $0 + Self.note.count }
    }

    private static func places(of pattern: Data, in data: Data) -> [Int] {
        var places: [Int] = []
        var rest = data.startIndex..<data.endIndex
        while let found = data.range(of: pattern, in: rest) {
            places.append(found.lowerBound)
            rest = found.upperBound..<data.endIndex
        }
        return places
    }

    /// A copy like no other, and the name that its program asks for.
    func fresh() -> (data: Data, name: String) {
        let number = UUID().uuidString.lowercased().suffix(12)
        let name = "first-call-\(number).test"
        var copy = data
        for place in names { copy.replaceSubrange(place..<place + name.utf8.count, with: Data(name.utf8)) }
        for place in buildIDs { copy.replaceSubrange(place..<place + number.utf8.count, with: Data(number.utf8)) }
        return (copy, name)
    }
}

/// Root folders with nothing but the program and what it loads, as archives.
struct FreshImages: Sendable {
    private let template: FreshTemplate
    private let folder: String

    init(in workspace: Workspace) async throws {
        let client = try await FirstCall.compile(in: workspace)
        let script = #"""
            mkdir -p "$0/root"
            cp "$1" "$0/root/client"
            for library in $(ldd "$1" | grep -o '/[^ ]*'); do cp -L --parents "$library" "$0/root"; done
            tar -C "$0/root" -cf "$0/root.tar" .
            """#
        try await Program.check("sh", "-ec", script, workspace.path, client)
        // Contents stand in the archive as they are, and its checksums are those of headers only.
        template = try FreshTemplate(file: workspace.path + "/root.tar")
        folder = workspace.path
    }

    /// - Returns: An archive's path, and the name that its client asks for.
    func make() throws -> (archive: String, name: String) {
        let (data, name) = template.fresh()
        let archive = "\(folder)/\(name).tar"
        try data.write(to: URL(filePath: archive))
        return (archive, name)
    }
}

/// Does `work` for each number below `count`, so many at once.
func each(
    below count: Int, atOnce: Int, _ work: @escaping @Sendable (Int) async throws -> Void
) async throws {
    try await withThrowingTaskGroup { group in
        for worker in 0..<atOnce {
            group.addTask { for number in stride(from: worker, to: count, by: atOnce) { try await work(number) } }
        }
        try await group.waitForAll()
    }
}

import Foundation
import Testing

/// Programs and libraries of other projects that a script fetches once, a folder for each package.
enum TestFiles {
    static let root =
        ProcessInfo.processInfo.environment["SNISCOPE_TEST_FILES"]
        ?? URL(filePath: #filePath).appending(path: "../../../../.build/test-files").standardizedFileURL.path

    static func has(_ sets: [String]) -> Bool {
        sets.allSatisfy { FileManager.default.fileExists(atPath: "\(root)/\($0)") }
    }

    static func folder(_ set: String) -> String { "\(root)/\(set)" }

    /// The only file of a set whose name begins so.
    static func file(_ name: String, of set: String) throws -> String {
        let files = FileManager.default.enumerator(atPath: folder(set))?.compactMap { $0 as? String } ?? []
        let found = files.filter { $0.split(separator: "/").last?.hasPrefix(name) == true }
        guard let file = found.first, found.count == 1 else {
            throw Problem("\(folder(set)) has \(found.count) files whose names begin with \(name)")
        }
        return "\(folder(set))/\(file)"
    }
}

extension Trait where Self == ConditionTrait {
    /// - Parameter sets: Packages, as the script names them.
    static func havingFiles(_ sets: String...) -> Self {
        .enabled(if: TestFiles.has(sets), "not fetched: \(sets.joined(separator: ", "))")
    }
}

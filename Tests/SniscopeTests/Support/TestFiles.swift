import Foundation
import TestSupport
import Testing

extension TestFiles {
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

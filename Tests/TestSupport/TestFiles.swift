import Foundation

/// Programs and libraries of other projects that `Tests/fetch` fetches once, a folder for each package.
public enum TestFiles {
    public static let root =
        ProcessInfo.processInfo.environment["SNISCOPE_TEST_FILES"]
        ?? URL(filePath: #filePath).appending(path: "../../../.build/test-files").standardizedFileURL.path

    public static func has(_ sets: [String]) -> Bool {
        sets.allSatisfy { FileManager.default.fileExists(atPath: folder($0)) }
    }

    public static func folder(_ set: String) -> String { "\(root)/\(set)" }
}

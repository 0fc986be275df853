import Foundation
import TestSupport
import Testing

/// Real files, and the functions that are theirs: known from symbols, or from disassembly by hand.
///
/// `Tests/fetch` brings the files. Another table, of files of one's own, can be named in `SNISCOPE_TEST_TRUTH`, with
/// their folder in `SNISCOPE_TEST_FILES`.
struct TruthTable: Decodable {
    struct Function: Decodable {
        /// Of the library's source.
        let function: String
        /// As linked, hexadecimal.
        let address: String
        /// In the file, hexadecimal.
        let offset: String
        /// By what it must be found; nil where there are several good ways.
        let located: String?
        /// A report may leave it out.
        let optional: Bool?

        var place: Place? { Place(address: address, offset: offset) }
    }

    /// Where a file has a function.
    struct Place: Hashable, CustomStringConvertible {
        let address: UInt64
        let offset: UInt64

        init(address: UInt64, offset: UInt64) {
            self.address = address
            self.offset = offset
        }

        init?(address: String, offset: String) {
            guard let address = UInt64(address.dropFirst(2), radix: 16),
                let offset = UInt64(offset.dropFirst(2), radix: 16)
            else { return nil }
            self.init(address: address, offset: offset)
        }

        var description: String { "0x\(String(address, radix: 16)) (at 0x\(String(offset, radix: 16)))" }
    }

    /// What must be found where no symbol has the name.
    struct Nameless: Decodable {
        let address: String
        let offset: String

        var place: Place? { Place(address: address, offset: offset) }
    }

    struct Row: Decodable, CustomTestStringConvertible {
        /// In the folder of fetched files.
        let file: String
        let sha256: String
        /// The library's kind; nil where it isn't checked.
        let library: String?
        let functions: [Function]
        let withoutNames: Nameless?
        /// How the truth was established.
        let how: String

        var path: String { "\(TestFiles.root)/\(file)" }
        var testDescription: String { file }

        /// An update of Debian's changes the file: then only the number of functions is known.
        func isKnown() throws -> Bool { try Tool.run("sha256sum", path).hasPrefix(sha256) }
    }

    static let tests = URL(filePath: #filePath).appending(path: "../..").standardizedFileURL

    static let isFetched = FileManager.default.fileExists(atPath: TestFiles.root) && Tool.isInstalled("sha256sum")

    /// Rows of the table; empty, for a test that fails on it, if it can't be read.
    static let rows: [Row] = {
        let own = tests.appending(path: "truth.json").path
        let path = ProcessInfo.processInfo.environment["SNISCOPE_TEST_TRUTH"] ?? own
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        do {
            return try JSONDecoder().decode([Row].self, from: data)
        } catch {
            print("\(path): \(error)")
            return []
        }
    }()
}

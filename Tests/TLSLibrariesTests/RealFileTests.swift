import ELFImage
import Foundation
import OS
import TLSLibraries
import Testing

@Suite(
    "Real files, against what is known of them", .enabled(if: TruthTable.isFetched, "needs Tests/fetch and sha256sum"))
struct RealFileTests {
    private func points(_ source: any ByteSource) throws -> [(kind: String, point: AttachPoint)] {
        try Inspector(catalog: try .builtin).inspect(source) { _ in nil }.libraries
            .flatMap { library in library.functions.map { (library.kind, $0) } }
    }

    @Test("The table can be read")
    func table() {
        #expect(TruthTable.rows.count > 0)
        #expect(TruthTable.rows.allSatisfy { $0.functions.allSatisfy { $0.place != nil } })
    }

    @Test("The right function, and no other", arguments: TruthTable.rows)
    func found(_ row: TruthTable.Row) throws {
        let found = try points(try RegularFile(path: row.path))
        if let library = row.library {
            #expect(found.contains { $0.kind == library } == !row.functions.isEmpty)
        }
        guard try row.isKnown() else {
            let least = row.functions.count { $0.optional != true }
            #expect((least...row.functions.count).contains(found.count), "\(row.file) is not the file of the table")
            return
        }
        for (_, point) in found {
            let place = TruthTable.Place(address: point.address, offset: point.fileOffset)
            let truth = row.functions.first { $0.place == place }
            #expect(truth != nil, "\(point.function) at \(place), by \(point.located), is wrong: \(row.how)")
            if let located = truth?.located { #expect(point.located.rawValue == located) }
        }
        let places = Set(found.map { TruthTable.Place(address: $0.point.address, offset: $0.point.fileOffset) })
        for function in row.functions where function.optional != true {
            let isFound = function.place.map(places.contains) == true
            #expect(isFound, "\(function.function) at \(function.address) was not found")
        }
    }

    private static let named = TruthTable.rows.filter { row in
        row.withoutNames != nil && row.functions.contains { $0.located != "anchor" }
    }

    /// The file is its own twin with symbols.
    @Test("The same files with the functions' names overwritten: by what the functions contain", arguments: named)
    func withoutNames(_ row: TruthTable.Row) throws {
        guard let truth = row.withoutNames?.place, try row.isKnown() else { return }
        var bytes = Array(try Data(contentsOf: URL(filePath: row.path), options: .alwaysMapped))
        for function in row.functions { overwrite(function.function, in: &bytes) }
        let found = try points(MemorySource(bytes)).filter { ["BoringSSL", "OpenSSL"].contains($0.kind) }
        #expect(
            found.map { TruthTable.Place(address: $0.point.address, offset: $0.point.fileOffset) } == [truth])
        #expect(found.allSatisfy { $0.point.located.rawValue == "anchor" })
    }

    /// In all string tables, and in longer names that end so.
    private func overwrite(_ name: String, in bytes: inout [UInt8]) {
        let pattern = Data(name.utf8 + [0])
        var data = Data(bytes)
        var from = data.startIndex
        while let place = data.range(of: pattern, in: from..<data.endIndex) {
            data[place.lowerBound] = UInt8(ascii: "~")
            from = place.upperBound
        }
        bytes = Array(data)
    }
}

internal import ELFImage

/// The sections that tell of Go, looked for once: most files have none, and this is all that they cost.
struct GoSections: Sendable {
    private let sections: [String: Section]
    /// Section headers were stripped, or are damaged.
    let areMissing: Bool

    private static let table = ".gopclntab"
    private static let relocatedData = ".data.rel.ro"
    private static let buildInfo = ".go.buildinfo"
    private static let others = [".note.go.buildid", ".gosymtab"]

    init(_ image: ELFImage) throws {
        let names = [Self.table, Self.relocatedData, Self.buildInfo] + Self.others
        let found = try image.sections(named: names)
        sections = found ?? [:]
        areMissing = found == nil
    }

    var table: Section? { sections[Self.table] }
    var relocatedData: Section? { sections[Self.relocatedData] }
    var buildInfo: Section? { sections[Self.buildInfo] }
    /// Whether Go's linker made sections of the file.
    var tellOfGo: Bool { table != nil || buildInfo != nil || Self.others.contains { sections[$0] != nil } }
}

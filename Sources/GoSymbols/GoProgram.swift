public import ELFImage

/// A program with Go's runtime in it, and the table of its functions (`.gopclntab`), which it has when stripped too.
///
/// 64-bit AMD64 and ARM64, from Go 1.2 on.
public struct GoProgram: Sendable {
    /// The toolchain's version without `go`, as `1.22.5`; nil where the program does not say. Text from the file: not
    /// trusted.
    public let version: String?
    private let image: ELFImage
    private let table: FunctionTable
    private let relocations: RelativeRelocations

    /// Finds the table's header; functions are looked for later.
    /// - Returns: nil where the file is no Go program.
    /// - Throws: `ELFError`, or what the file's source throws.
    public init?(_ image: ELFImage) throws {
        guard image.machine == .amd64 || image.machine == .arm64, image.kind == .executable || image.kind == .shared
        else { return nil }
        let sections = try GoSections(image)
        guard let table = try FunctionTable.find(in: image, sections) else { return nil }
        self.image = image
        self.table = table
        relocations = try image.relativeRelocations()
        version = try BuildInfo.version(of: image, sections, relocations)
    }

    /// Whether functions take their arguments on the stack: Go before 1.17.
    ///
    /// The table's layout of 1.16 is 1.17's too; without a version it is taken for the newer one.
    public var passesArgumentsOnStack: Bool {
        switch table.layout {
        case .go1x2: true
        case .go1x16: version?.hasPrefix("1.16") == true
        case .go1x18, .go1x20: false
        }
    }

    /// Functions by their whole names, as `crypto/tls.hostnameInSNI`, or by what is behind a `*`, as
    /// `*/utls.hostnameInSNI`.
    /// - Returns: All that fit, each name's functions in the order of their addresses. A name without a function was
    ///   inlined everywhere, and comes once, without an address.
    /// - Throws: `ELFError` where the table contradicts itself or the program, or what the file's source throws.
    public func functions(named patterns: [String]) throws -> [GoFunction] {
        let names = try table.names(patterns.map(FunctionPattern.init), in: image)
        guard !names.isEmpty else { return [] }
        let entries = try table.entries(names, in: image)
        let textStart: Address = entries.isEmpty ? 0 : try self.textStart()
        return try names.flatMap { name in
            let own = entries.filter { name.begins.contains($0.name) }
            guard !own.isEmpty else { return [GoFunction(name: name.name, address: nil, bodyAddress: nil, size: 0)] }
            return try own.map { entry in
                let skipped = Int(entry.name - name.begins.lowerBound)
                let text = String(decoding: name.name.utf8.dropFirst(skipped), as: UTF8.self)
                return try function(text, entry, textStart)
            }
        }
    }

    /// What entries count from; 0 where they are addresses.
    private func textStart() throws -> Address {
        guard table.layout.isRelative else { return 0 }
        guard let start = try ModuleData.textStart(of: table, in: image, relocations) else {
            throw ELFError.damaged(part: "Go's function table", problem: "nothing tells where its text starts")
        }
        return start
    }

    private func function(_ name: String, _ entry: FunctionEntry, _ textStart: Address) throws -> GoFunction {
        var (start, end) = (entry.entry, entry.end)
        if !table.layout.isRelative {
            // Addresses, which GNU ld leaves to relocations in files that can be loaded anywhere.
            guard let pair = table.pairs + entry.index * 16,
                case let words = try image.relocatedWords(at: pair, count: 3, relocations), words.count == 3
            else { throw ELFError.truncated(part: "Go's function table") }
            (start, end) = (words[0], words[2])
        }
        guard let address = textStart + start, start < end,
            image.segment(containing: address)?.isExecutable == true
        else {
            throw ELFError.damaged(part: "Go's function table", problem: "\(name) is outside of the program's code")
        }
        let code = try image.bytes(atAddress: address, count: StackCheck.lengthLimit) ?? []
        let check = StackCheck.length(code, size: end - start, image.machine)
        return GoFunction(
            name: name, address: address, bodyAddress: address + UInt64(check), size: end - start)
    }
}

internal import OS
internal import TLSLibraries

/// What the process that looks into files is asked. Most files have no TLS library: what is said of those is short.
enum InspectionRequest {
    /// What is done in a moment.
    case find
    /// The same, and what else was found before.
    case recall(path: String)
    /// - Parameter isBrief: It is given up where it takes longer than that.
    case search(path: String, isBrief: Bool)
    case version(kind: String, isBrief: Bool)
    case loaderFacts

    var bytes: [UInt8] {
        switch self {
        case .find: [UInt8(ascii: "f")]
        case .recall(let path): [UInt8(ascii: "r")] + Array(path.utf8)
        case .search(let path, let isBrief): [UInt8(ascii: isBrief ? "b" : "s")] + Array(path.utf8)
        case .version(let kind, let isBrief): [UInt8(ascii: isBrief ? "w" : "v")] + Array(kind.utf8)
        case .loaderFacts: [UInt8(ascii: "l")]
        }
    }

    var isBrief: Bool {
        switch self {
        case .find, .recall, .loaderFacts: true
        case .search(_, let isBrief), .version(_, let isBrief): isBrief
        }
    }

    init?(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.dropFirst(), as: UTF8.self)
        switch bytes.first {
        case UInt8(ascii: "f"): self = .find
        case UInt8(ascii: "r"): self = .recall(path: text)
        case UInt8(ascii: "l"): self = .loaderFacts
        case UInt8(ascii: "b"): self = .search(path: text, isBrief: true)
        case UInt8(ascii: "s"): self = .search(path: text, isBrief: false)
        case UInt8(ascii: "v"): self = .version(kind: text, isBrief: false)
        case UInt8(ascii: "w"): self = .version(kind: text, isBrief: true)
        default: return nil
        }
    }
}

/// What that process says: a question of its own, or the answer.
enum InspectionReply {
    /// Which of these files of debug information are there? A byte for each, 0 for none.
    case areThere([String])
    case openDebugFile(String)
    case openNeeded(String)
    /// What is kept of a file with such contents?
    case recall(FileContents)
    case keep([UInt8])
    case report(FileReport)
    /// To `recall`: all that there is to find.
    case recalled(FileReport)
    case version(String?)
    case loaderFacts(LoaderFacts)
    case failure(InspectionFailure)

    var bytes: [UInt8] {
        switch self {
        // No path has a NUL.
        case .areThere(let paths): tagged("A", Array(paths.joined(separator: "\0").utf8))
        case .openDebugFile(let path): tagged("D", Array(path.utf8))
        case .openNeeded(let name): tagged("N", Array(name.utf8))
        case .recall(let contents): tagged("R", contents.packed)
        case .keep(let value): tagged("K", value)
        case .report(let report) where report.isEmpty: tagged("e", Array(report.machine.utf8))
        case .report(let report): tagged("r", report.packed)
        case .recalled(let report): tagged("a", report.packed)
        case .loaderFacts(let facts): tagged("l", facts.packed)
        case .version(let version?): tagged("v", Array(version.utf8))
        case .version(nil): tagged("u", [])
        case .failure(let failure): tagged("x", failure.packed)
        }
    }

    private func tagged(_ tag: Unicode.Scalar, _ bytes: [UInt8]) -> [UInt8] { [UInt8(ascii: tag)] + bytes }

    init?(_ bytes: [UInt8]) {
        let rest = bytes.dropFirst()
        var text: String { String(decoding: rest, as: UTF8.self) }
        let reply: InspectionReply? =
            switch bytes.first {
            case UInt8(ascii: "A"): .areThere(text.split(separator: "\0").map(String.init))
            case UInt8(ascii: "D"): .openDebugFile(text)
            case UInt8(ascii: "N"): .openNeeded(text)
            case UInt8(ascii: "R"): FileContents(packed: rest).map { .recall($0) }
            case UInt8(ascii: "K"): .keep(Array(rest))
            case UInt8(ascii: "e"): .report(FileReport(empty: text))
            case UInt8(ascii: "r"): FileReport(packed: rest).map { .report($0) }
            case UInt8(ascii: "a"): FileReport(packed: rest).map { .recalled($0) }
            case UInt8(ascii: "l"): LoaderFacts(packed: rest).map { .loaderFacts($0) }
            case UInt8(ascii: "v"): .version(text)
            case UInt8(ascii: "u"): .version(nil)
            case UInt8(ascii: "x"): InspectionFailure(packed: rest).map { .failure($0) }
            default: nil
            }
        guard let reply else { return nil }
        self = reply
    }
}

/// Why a file was not looked into, or not to its end.
enum InspectionFailure: Packable {
    /// It is no ELF file, or a damaged one.
    case damaged(String)
    /// It can't be read: errno, and what to do.
    case unreadable(Int32, String?)
    /// Its budget is used up.
    case overBudget(String)
    /// A brief look was not enough.
    case unfinished

    /// - Parameter error: Of `Inspector`.
    init(_ error: any Error) {
        switch error {
        case let error as SystemError: self = .unreadable(error.code, error.hint)
        case BudgetError.moment: self = .unfinished
        case let error as BudgetError: self = .overBudget("\(error)")
        default: self = .damaged("\(error)")
        }
    }

    func pack(into packing: inout Packing) {
        switch self {
        case .damaged(let problem):
            packing.add(UInt64(0))
            packing.add(problem)
        case .unreadable(let code, let hint):
            packing.add(UInt64(1))
            packing.add(UInt64(UInt32(bitPattern: code)))
            packing.add(hint)
        case .overBudget(let problem):
            packing.add(UInt64(2))
            packing.add(problem)
        case .unfinished:
            packing.add(UInt64(3))
        }
    }

    init(unpacking: inout Unpacking) throws(PackingError) {
        switch try unpacking.next(UInt64.self) {
        case 0: self = .damaged(try unpacking.next())
        case 1:
            let code = Int32(truncatingIfNeeded: try unpacking.next(UInt64.self))
            self = .unreadable(code, try unpacking.next())
        case 2: self = .overBudget(try unpacking.next())
        case 3: self = .unfinished
        default: throw PackingError()
        }
    }
}

extension FileReport {
    fileprivate var isEmpty: Bool { libraries.isEmpty && buildID == nil && !isStripped }
}

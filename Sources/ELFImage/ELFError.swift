/// Why a file can't be read as ELF. The description is a clause that fits after "cannot inspect PATH: ".
public enum ELFError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file does not begin with the ELF magic number.
    case notELF
    /// The named part reaches past the end of the file.
    case truncated(part: String)
    /// The named part contradicts itself or the format.
    case damaged(part: String, problem: String)
    /// The named part is larger than any toolchain makes it; reading it would cost too much time or memory.
    case tooLarge(part: String, size: UInt64, limit: UInt64)

    public var description: String {
        switch self {
        case .notELF: "it is not an ELF file"
        case .truncated(let part): "it is cut off: \(part) reaches past the end of the file"
        case .damaged(let part, let problem): "\(part) is damaged: \(problem)"
        case .tooLarge(let part, let size, let limit):
            "\(part) has the size \(size), more than the \(limit) that are read"
        }
    }
}

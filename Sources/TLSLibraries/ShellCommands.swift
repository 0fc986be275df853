/// The commands that a shell's script names. A guess, good enough for what is looked up anyway: words that come of
/// variables, quoted blanks and here-documents are not understood.
struct ShellCommands {
    /// Bytes of a script that are looked at: scripts that start a container's program are short.
    static let size = 16 << 10
    private static let limit = 16

    /// Each once; first those that the shell becomes by `exec`.
    let names: [String]

    init(script: [UInt8]) {
        let text = String(decoding: script.prefix(Self.size), as: UTF8.self)
        var (became, other): ([String], [String]) = ([], [])
        for line in text.split(whereSeparator: \.isNewline) where !line.drop(while: \.isWhitespace).hasPrefix("#") {
            for command in line.split(whereSeparator: { ";&|()`{}".contains($0) }) {
                guard let (name, isExec) = Self.name(command) else { continue }
                if isExec { became.append(name) } else { other.append(name) }
            }
        }
        var seen: Set<String> = []
        names = Array((became + other).filter { seen.insert($0).inserted }.prefix(Self.limit))
    }

    /// The first word that is a program's name, and whether it stands behind `exec`.
    private static func name(_ command: Substring) -> (String, Bool)? {
        var isExec = false
        for word in command.split(whereSeparator: \.isWhitespace) {
            switch word {
            case "exec": isExec = true
            case "if", "then", "elif", "else", "while", "until", "do", "!", "time", "command": continue
            case _ where word.hasPrefix("-"): continue
            // A variable's value for this command.
            case _ where word.contains("="): continue
            default:
                let name = word.filter { $0 != "\"" && $0 != "'" }
                return name.isEmpty || name.contains("$") ? nil : (name, isExec)
            }
        }
        return nil
    }
}

internal import ELFImage

/// Which functions return to their callers.
final class Callees {
    private let windows: CodeWindows
    private var known: [Address: Bool] = [:]

    /// Bytes that are looked at.
    private static let reach = 2048
    /// Functions that are looked at: a few dozen in real files.
    private static let limit = 512

    init(windows: CodeWindows) { self.windows = windows }

    /// Whether the function at `address` is known to return: what is only reached over calls that may not return does
    /// not count.
    func returns(_ address: Address) throws -> Bool {
        if let known = known[address] { return known }
        guard known.count < Self.limit, let code = try windows.code(at: address, count: Self.reach) else {
            return false
        }
        let returns = CodeFacts(reachable: code) { _ in false }.instructions.contains(where: \.instruction.isReturn)
        known[address] = returns
        return returns
    }
}

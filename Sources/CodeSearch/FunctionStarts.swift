internal import ELFImage

/// Where functions begin in files without an unwind table for them (Chromium and its kind, Bun): direct calls lead
/// there, and what stands before is no code that goes on.
struct FunctionStarts {
    let windows: CodeWindows
    /// Bytes of the largest function.
    let reach: Int

    /// The function that holds each place, by the place: the nearest beginning before it from which code leads to it.
    func functions(holding places: [UInt64]) throws -> [UInt64: CodeFunction] {
        let ranges = places.map { ($0 - min($0, UInt64(reach)))...$0 }
        guard let targets = AddressRanges(ranges) else { return [:] }
        let called = Set(try BranchSearch(windows: windows, targets: targets).find().filter(\.isCall).map(\.to))
        var result: [UInt64: CodeFunction] = [:]
        for (place, range) in zip(places, ranges) {
            for start in called.filter(range.contains).sorted(by: >) where try isBeginning(start) {
                guard let code = try windows.code(start..<(start &+ UInt64(reach))) else { continue }
                let facts = CodeFacts(reachable: code)
                guard facts.instructions.contains(where: { $0.address == place }),
                    let last = facts.instructions.last
                else { continue }
                result[place] = CodeFunction(
                    start: start, end: last.address &+ UInt64(last.instruction.length), facts: facts,
                    origin: "direct calls lead to its beginning")
                break
            }
        }
        return result
    }

    /// Whether what stands before `address` is padding, or an instruction that leads elsewhere for good.
    private func isBeginning(_ address: UInt64) throws -> Bool {
        let longest = UInt64(windows.machine.longestInstruction)
        guard address > longest, let code = try windows.code((address - longest)..<address) else { return false }
        let step = windows.machine.alignment
        for size in stride(from: step, through: Int(longest), by: step) {
            let before = address - UInt64(size)
            if windows.machine == .arm64, code.word(at: before) == 0 { return true }
            guard let instruction = code.instruction(at: before), instruction.length == size else { continue }
            if instruction.isPadding { return true }
            switch instruction.flow {
            case .end, .jump, .indirectJump: return true
            default: continue
            }
        }
        return false
    }
}

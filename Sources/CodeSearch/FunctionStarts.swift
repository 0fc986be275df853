internal import ELFImage
internal import OS

/// Where functions begin in files without an unwind table for them (Chromium and its kind, Bun): calls and pointers
/// lead there, and what stands before is no code that goes on.
struct FunctionStarts {
    let windows: CodeWindows
    /// Bytes of the largest function.
    let reach: Int

    /// Places that are looked into, and beginnings that are tried for each: some few in real files.
    private static let placeLimit = 64
    private static let tryLimit = 64

    /// What stands before an address says.
    private enum Beginning {
        case certain, possible, none
    }

    /// The function that holds each place, by the place: the nearest beginning before it from which code leads to it.
    /// None where a nearer one is possible.
    func functions(holding places: [Address]) throws -> [Address: CodeFunction] {
        let ranges = places.map { ($0 - UInt64(reach) ?? 0)...$0 }
        guard let targets = AddressRanges(ranges) else { return [:] }
        let called = Set(try BranchSearch(windows: windows, targets: targets).find().filter(\.isCall).map(\.to))
        let starts = called.union(try pointers(into: targets))
        let callees = Callees(windows: windows)
        var result: [Address: CodeFunction] = [:]
        for (place, range) in zip(places, ranges).prefix(Self.placeLimit) {
            var tries = 0
            for start in starts.filter(range.contains).sorted(by: >) {
                let beginning = try beginning(at: start)
                guard beginning != .none, let code = try windows.code(at: start, count: reach) else {
                    continue
                }
                tries += 1
                guard tries <= Self.tryLimit else { break }
                let facts = try CodeFacts(reachable: code, returns: callees.returns)
                guard facts.instructions.contains(where: { $0.address == place }),
                    let last = facts.instructions.last
                else { continue }
                guard beginning == .certain else { break }
                result[place] = CodeFunction(
                    start: start, end: last.address &+ UInt64(last.instruction.length), facts: facts,
                    origin: called.contains(start)
                        ? "direct calls lead to its beginning" : "pointers lead to its beginning")
                break
            }
        }
        return result
    }

    /// What stands before `address`: padding or an instruction that leads elsewhere for good, or a call, which need not
    /// return.
    private func beginning(at address: Address) throws -> Beginning {
        guard let segment = windows.image.segment(containing: address) else { return .none }
        // The linker puts nothing but beginnings there.
        if address == segment.address { return .certain }
        let longest = min(
            UInt64(windows.machine.longestInstruction), address.distance(from: segment.address) ?? 0)
        guard let first = address - longest, let code = try windows.code(at: first, count: Int(longest)) else {
            return .none
        }
        let step = windows.machine.alignment
        var isAfterCall = false
        for size in stride(from: step, through: Int(longest), by: step) {
            guard let before = address - UInt64(size) else { break }
            if windows.machine == .arm64, code.word(at: before) == 0 { return .certain }
            guard let instruction = code.instruction(at: before), instruction.length == size else { continue }
            if instruction.isPadding { return .certain }
            switch instruction.flow {
            case .end, .jump, .indirectJump: return .certain
            case .call, .indirectCall: isAfterCall = true
            default: continue
            }
        }
        guard isAfterCall else { return .none }
        let entry = try windows.code(at: address, count: 512)
        return entry?.takesArguments(at: address) ?? false ? .certain : .possible
    }

    /// Addresses that code forms, that the loader writes, or that data holds.
    private func pointers(into targets: AddressRanges) throws -> Set<Address> {
        var result = Set(try ReferenceSearch(windows: windows, targets: targets).find().map(\.target))
        try image.relativeRelocations().visit { _, value in
            if targets.contains(Address(value)) { result.insert(Address(value)) }
        }
        // Not in what can only be read: programs at fixed addresses keep tables of jumps there, which lead into functions.
        let data = image.segments.filter { $0.isLoaded && !$0.isExecutable && $0.isWritable }
        for segment in image.searchable(data) {
            try forEachWord(of: segment) { word in
                if targets.contains(Address(word)) { result.insert(Address(word)) }
            }
        }
        return result
    }

    private func forEachWord(of segment: Segment, _ body: (UInt64) -> Void) throws {
        let size = 1 << 20
        let skipped = (8 - segment.address.value % 8) % 8
        var done = skipped
        while done < segment.fileSize {
            let bytes = try image.bytes(
                in: segment, at: done, count: Int(min(UInt64(size), segment.fileSize - done)))
            guard !bytes.isEmpty else { break }
            for start in stride(from: 0, to: bytes.count - 7, by: 8) {
                var word: UInt64 = 0
                for index in (0..<8).reversed() { word = word << 8 | UInt64(bytes[start + index]) }
                body(word)
            }
            done += UInt64(bytes.count)
        }
    }

    private var image: ELFImage { windows.image }
}

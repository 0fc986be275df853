public import ELFImage

/// Finds functions in files without symbols by what they contain: the report of an error survives stripping, with its
/// source's path (`__FILE__`) and its reason, a number that belongs to the library's interface.
///
/// One pass over the strings, and where one of them is there, one over the code. The place that comes out is the
/// beginning of a function by the unwind table, or, in files that have none, by the calls to it: never a guess.
public struct AnchorSearch {
    private let image: ELFImage
    private let rules: [AnchorRule]

    /// References of one rule that are looked into.
    private static let referenceLimit = 1024
    /// Functions that jump into one piece of code.
    private static let parentLimit = 256
    /// Pieces whose functions are looked for: one or two in real files.
    private static let pieceLimit = 64
    /// Bytes: code that several functions share by calling it is smaller.
    private static let largestHelper: UInt64 = 96

    public init(_ image: ELFImage, _ rules: [AnchorRule]) {
        self.image = image
        self.rules = rules
    }

    /// What came of each rule.
    /// - Throws: What the source throws.
    public func run() throws -> [AnchorFinding] {
        var findings = rules.map { _ in AnchorFinding.absent }
        guard let windows = CodeWindows(image) else { return findings }
        let texts = rules.map(\.texts)
        let places = try TextSearch(image: image).find(texts.flatMap(\.self))
        guard let targets = AddressRanges(places.map(\.places)) else { return findings }
        let references = try ReferenceSearch(windows: windows, targets: targets).find()
        // Read for files that have no other way to find the functions around references.
        let unwindSection = references.isEmpty || image.hasUnwindTable ? nil : try readableUnwindSection()
        var first = 0
        for (index, rule) in rules.enumerated() {
            let own = first..<(first + rule.texts.count)
            first = own.upperBound
            let found = places.filter { own.contains($0.index) }
            guard let targets = AddressRanges(found.map(\.places)) else { continue }
            let search = RuleSearch(
                windows: windows, unwindSection: unwindSection, rule: rule, targets: targets, texts: found,
                references: references.filter { targets.contains($0.target) })
            findings[index] = try search.run()
        }
        return findings
    }

    /// Nil where it is damaged, which keeps no program from running.
    private func readableUnwindSection() throws -> UnwindSection? {
        do {
            return try UnwindSection(image)
        } catch is ELFError {
            return nil
        }
    }

    /// One rule, whose texts are there.
    private struct RuleSearch {
        let windows: CodeWindows
        let unwindSection: UnwindSection?
        let rule: AnchorRule
        let targets: AddressRanges
        let texts: [FoundText]
        let references: [Reference]

        private var addresses: Set<Address> { Set(references.map(\.address)) }

        func run() throws -> AnchorFinding {
            guard !references.isEmpty else { return .absent }
            guard references.count <= AnchorSearch.referenceLimit else {
                return .refused("\(references.count) places refer to \(shownText), more than any library has")
            }
            let (functions, homeless) = try owners()
            var complete: [CodeFunction] = []
            var fragments: [Fragment] = []
            for function in functions {
                let failures = failures(function)
                if failures.isEmpty {
                    complete.append(function)
                } else if failures.allSatisfy(\.isOfTheMainPart),
                    rule.usesArgument == nil || failures.contains(where: \.isOfTheArgument)
                {
                    // What uses the argument itself is the function, with a comparison in a form of its own: those
                    // that call it are others.
                    fragments.append(Fragment(function: function, failures: failures))
                }
            }
            // Code that reports the error may lie apart: what jumps there is the function.
            var pieces = fragments.map(\.function)
            if complete.isEmpty && pieces.isEmpty {
                // Or several functions share it.
                pieces = functions.filter { $0.size <= AnchorSearch.largestHelper }
            }
            pieces = Array(pieces.prefix(AnchorSearch.pieceLimit))
            let branches = try branches(into: complete + pieces)
            var candidates: [Address: Candidate] = [:]
            for function in complete {
                switch entry(of: function, branches) {
                case .called:
                    candidates[function.start] = Candidate(function: function, pieces: [])
                case .jumpedTo:
                    // By a function that ends in it, or whose part it is: that one may have all facts too.
                    candidates[function.start] = Candidate(function: function, pieces: [])
                    pieces.append(function)
                case .jumpedInto:
                    fragments.append(Fragment(function: function, failures: [.entry]))
                    pieces.append(function)
                }
            }
            for candidate in try parents(of: pieces, branches) { candidates[candidate.function.start] = candidate }
            return verdict(
                Array(candidates.values), functions, fragments, homeless: homeless,
                rivals: try homeless.filter { try isNearRarestNumber($0, within: 32) })
        }

        private struct Candidate {
            let function: CodeFunction
            let pieces: [CodeFunction]
        }

        private struct Fragment {
            let function: CodeFunction
            let failures: [CodeFunction.Failure]
        }

        private func failures(_ function: CodeFunction, pieces: [CodeFunction] = []) -> [CodeFunction.Failure] {
            function.failures(of: rule, targets, addresses, windows.machine, pieces: pieces)
        }

        /// The functions that hold the references, each once, and references that no function is known for.
        private func owners() throws -> ([CodeFunction], [Address]) {
            var functions: [Address: CodeFunction] = [:]
            var homeless: [Address] = []
            for reference in references {
                if functions.values.contains(where: { ($0.start..<$0.end).contains(reference.address) }) { continue }
                if let function = try function(covering: reference.address) {
                    functions[function.start] = function
                } else if try isNearRarestNumber(reference.address) {
                    homeless.append(reference.address)
                }
            }
            guard !homeless.isEmpty else { return (Array(functions.values), []) }
            let housed = try FunctionStarts(windows: windows, reach: rule.largestSize).functions(holding: homeless)
            for function in housed.values { functions[function.start] = function }
            return (Array(functions.values), homeless.filter { housed[$0] == nil })
        }

        private func function(covering address: Address) throws -> CodeFunction? {
            // What is larger is not the one: its beginning is enough to say so.
            let range =
                try unwindSection?.function(covering: address) ?? windows.image.functionRange(covering: address)
            guard let range,
                let code = try windows.code(
                    at: range.lowerBound, count: Int(min(range.size, UInt64(rule.largestSize)))
                )
            else { return nil }
            return CodeFunction(
                start: range.lowerBound, end: range.upperBound, facts: CodeFacts(linear: code),
                origin: "the unwind table has its beginning and end")
        }

        /// Finding beginnings without an unwind table is a pass over all code for the calls: only for references that
        /// may be the one.
        private func isNearRarestNumber(_ address: Address, within reach: UInt64 = 96) throws -> Bool {
            guard let number = rule.rarestNumber else { return true }
            let first = windows.image.segment(containing: address)?.address ?? address
            let start = max(first, address - reach ?? 0)
            let before = address.distance(from: start) ?? 0
            guard let code = try windows.code(at: start, count: Int(before + reach)) else { return false }
            switch windows.machine {
            case .amd64:
                let wanted = (0..<4).map { UInt8(truncatingIfNeeded: number >> Int64($0 * 8)) }
                return code.bytes.indices.contains { code.bytes[$0...].starts(with: wanted) }
            case .arm64:
                return CodeFacts(linear: code).constants.contains(number)
            }
        }

        private func branches(into functions: [CodeFunction]) throws -> [Branch] {
            guard let ranges = AddressRanges(functions.map(\.addresses)) else { return [] }
            return try BranchSearch(windows: windows, targets: ranges).find()
        }

        private enum Entry {
            case called, jumpedTo, jumpedInto
        }

        /// How other code gets into a function. Compilers move what is rarely run out of functions, with unwind entries
        /// of its own; such a part is never called, and entered in its middle or on a condition.
        private func entry(of function: CodeFunction, _ branches: [Branch]) -> Entry {
            let range = function.start..<function.end
            let entries = branches.filter { range.contains($0.to) && !range.contains($0.from) }
            if entries.contains(where: { $0.isCall && $0.to == function.start }) { return .called }
            let jumps = entries.filter { !$0.isCall }
            if jumps.isEmpty { return .called }
            return jumps.contains { $0.isConditional || $0.to != function.start } ? .jumpedInto : .jumpedTo
        }

        /// The functions that go on in a piece, or call it, and have with it all that the rule asks for.
        private func parents(of pieces: [CodeFunction], _ branches: [Branch]) throws -> [Candidate] {
            try pieces.flatMap { piece -> [Candidate] in
                let range = piece.start..<piece.end
                // A part that is called only reports: what calls others itself is a function of its own.
                let mayBeCalled = piece.facts.callCount <= 1
                let places = branches.filter {
                    range.contains($0.to) && !range.contains($0.from) && (mayBeCalled || !$0.isCall)
                }.map(\.from)
                // What so many call is no part of one.
                guard places.count <= AnchorSearch.parentLimit else { return [] }
                var seen: Set<Address> = []
                return try places.compactMap { place in
                    guard let function = try function(covering: place), seen.insert(function.start).inserted,
                        failures(function, pieces: [piece]).isEmpty
                    else { return nil }
                    return Candidate(function: function, pieces: [piece])
                }
            }
        }

        private func verdict(
            _ candidates: [Candidate], _ functions: [CodeFunction], _ fragments: [Fragment], homeless: [Address],
            rivals: [Address]
        ) -> AnchorFinding {
            if candidates.count == rule.count && rivals.isEmpty {
                return .found(candidates.sorted { $0.function.start < $1.function.start }.map(anchored))
            }
            if candidates.count == rule.count {
                return .refused(
                    "the function at \(candidates.map(\.function.start).map(hex).joined(separator: ", ")) has all that it must "
                        + "have, but so may the one at \(rivals.prefix(4).map(hex).joined(separator: ", ")), "
                        + "whose beginning is not known")
            }
            if !candidates.isEmpty {
                let starts = candidates.map(\.function.start).sorted().map(hex).joined(separator: ", ")
                return .refused("\(candidates.count) functions have all that it must have, at \(starts)")
            }
            let likely = functions.filter { rule.callSite.isEmpty || $0.hasCallSite(rule.callSite, addresses) }
            // Another library's, which has the same text: only few of its functions have such numbers there, by chance.
            guard likely.count * 2 >= functions.count, !functions.isEmpty || !homeless.isEmpty || rule.callSite.isEmpty
            else { return .absent }
            let nearest =
                fragments.map { ($0.function, $0.failures) }
                + functions.map { ($0, failures($0)) }.sorted { $0.1.count < $1.1.count }
            guard let (function, failures) = nearest.first else {
                return .refused(
                    "no beginning of a function is known for the code at "
                        + "\((homeless.isEmpty ? references.map(\.address) : homeless).prefix(4).map(hex).joined(separator: ", ")), "
                        + "which refers to \(shownText)")
            }
            return .refused(
                "of \(functions.count) functions that refer to \(shownText) none has all that it must have; "
                    + "nearest is the one at \(hex(function.start)): "
                    + failures.map(\.description).joined(separator: ", "))
        }

        private func anchored(_ candidate: Candidate) -> AnchoredFunction {
            let function = candidate.function
            var evidence = ["it refers to \(shownText)"]
            let numbers = rule.immediates + rule.callSite.filter { !rule.immediates.contains($0) }
            if !numbers.isEmpty {
                evidence.append("it has \(numbers.map(String.init).joined(separator: " and "))")
            }
            if !rule.comparisons.isEmpty {
                let compared = rule.comparisons.map { "\($0.number)" }.joined(separator: " and ")
                evidence.append("it compares with \(compared)")
            }
            if let argument = rule.usesArgument { evidence.append("it uses argument \(argument)") }
            for piece in candidate.pieces { evidence.append("part of it lies at \(hex(piece.start))") }
            evidence.append("\(function.origin), \(function.size) bytes")
            return AnchoredFunction(address: function.start, size: function.size, evidence: evidence)
        }

        private var shownText: String {
            let longest = 80
            guard let full = texts.first?.full else { return "its text" }
            return "\"\(full.count > longest ? "…" + full.suffix(longest) : full)\""
        }
    }
}

private func hex(_ address: Address) -> String { "0x" + String(address.value, radix: 16) }

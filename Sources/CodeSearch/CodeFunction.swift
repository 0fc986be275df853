internal import ELFImage

/// A function, or a part of one that lies elsewhere.
struct CodeFunction: Sendable {
    let start: Address
    /// Behind its last byte; how far it was looked at where that is not known. A function has one byte at least.
    let end: Address
    let facts: CodeFacts
    /// How its beginning is known: "the unwind table".
    let origin: String

    init(start: Address, end: Address, facts: CodeFacts, origin: String) {
        self.start = start
        self.end = max(end, start + 1 ?? start)
        self.facts = facts
        self.origin = origin
    }

    var size: UInt64 { end.distance(from: start) ?? 0 }

    var addresses: ClosedRange<Address> { start...max(start, end - 1 ?? start) }

    /// Instructions around a reference that may set the arguments of the same call.
    private static let callSiteReach = 10

    /// What of a rule is not met; empty where all is.
    /// - Parameters:
    ///   - targets: Addresses of the rule's texts.
    ///   - pieces: Parts of the function that lie elsewhere.
    func failures(
        of rule: AnchorRule, _ targets: AddressRanges, _ references: Set<Address>, _ machine: CodeMachine,
        pieces: [CodeFunction] = []
    ) -> [Failure] {
        var failures: [Failure] = []
        let all = pieces.reduce(facts) { $0.joined(with: $1.facts) }
        let parts = [self] + pieces
        if !parts.contains(where: { $0.refers(by: references) }) { failures.append(.reference) }
        for number in rule.immediates where !all.constants.contains(number) { failures.append(.immediate(number)) }
        if !rule.callSite.isEmpty, !parts.contains(where: { $0.hasCallSite(rule.callSite, references) }) {
            failures.append(.callSite(rule.callSite))
        }
        for comparison in rule.comparisons where !comparison.isMet(by: all.compared) {
            failures.append(.comparison(comparison.number))
        }
        if let argument = rule.usesArgument,
            !facts.usesArgument(machine.argumentRegister(argument), clobbered: machine.clobbered)
        {
            failures.append(.argument(argument))
        }
        if size > UInt64(rule.largestSize) { failures.append(.size(size, limit: rule.largestSize)) }
        return failures
    }

    func refers(by references: Set<Address>) -> Bool {
        facts.instructions.contains { references.contains($0.address) }
    }

    func hasCallSite(_ numbers: [Int64], _ references: Set<Address>) -> Bool {
        let instructions = facts.instructions
        return instructions.indices.contains { index in
            guard references.contains(instructions[index].address) else { return false }
            let around =
                instructions[
                    max(0, index - Self.callSiteReach)...min(instructions.count - 1, index + Self.callSiteReach)]
            let constants = Set(around.compactMap(\.instruction.constant))
            return numbers.allSatisfy(constants.contains)
        }
    }

    /// A fact of a rule that a function has not.
    enum Failure: Sendable, Hashable, CustomStringConvertible {
        case reference
        case immediate(Int64)
        case callSite([Int64])
        case comparison(Int64)
        case argument(Int)
        case size(UInt64, limit: Int)
        case entry

        var description: String {
            switch self {
            case .reference: "it does not refer to the string itself"
            case .immediate(let number): "it has no number \(number)"
            case .callSite(let numbers):
                "the numbers \(numbers.map(String.init).joined(separator: " and ")) do not stand beside the reference"
            case .comparison(let number): "it compares nothing with \(number)"
            case .argument(let argument): "it does not use argument \(argument)"
            case .size(let size, let limit): "it has \(size) bytes, more than \(limit)"
            case .entry: "other code jumps into it, and none calls it, so that it is part of another function"
            }
        }

        /// Whether the part of a function that reports errors can't have it, since the rest has.
        var isOfTheMainPart: Bool {
            switch self {
            case .comparison, .argument: true
            case .reference, .immediate, .callSite, .size, .entry: false
            }
        }

        var isOfTheArgument: Bool {
            if case .argument = self { true } else { false }
        }
    }
}

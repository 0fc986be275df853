internal import ELFImage

/// What a piece of code, taken apart, has in it.
struct CodeFacts: Sendable {
    private(set) var constants: Set<Int64> = []
    private(set) var compared: Set<Int64> = []
    private(set) var instructions: [(address: Address, instruction: Instruction)] = []
    /// What registers hold, as far as the code before says.
    private var held: [(register: RegisterSet, number: Int64)] = []
    /// Whether all of it could be taken apart.
    private(set) var isWhole = true

    var callCount: Int {
        instructions.count {
            switch $0.instruction.flow {
            case .call, .indirectCall: true
            default: false
            }
        }
    }

    /// Code from its first byte to its last.
    init(linear code: CodeBytes) {
        var position = code.address
        while position < code.end {
            guard let instruction = code.instruction(at: position) else {
                // Numbers between the code, such as tables for jumps.
                isWhole = false
                position = position &+ UInt64(code.machine.alignment)
                continue
            }
            add(instruction, at: position, code.machine)
            position = position &+ UInt64(instruction.length)
        }
    }

    /// Code that is reached from its beginning.
    /// - Parameter returns: Whether the function at an address is known to return: then what follows a call of it
    ///   belongs to the caller, though compilers that know both may keep anything in registers over the call.
    init(reachable code: CodeBytes, returns: (Address) throws -> Bool) rethrows {
        var reached: [Address: Instruction] = [:]
        var waiting = [code.address]
        while let start = waiting.popLast() {
            var position = start
            var isAfterCall = false
            var callee: Address?
            walk: while reached[position] == nil, let instruction = code.instruction(at: position) {
                // What is called need not return; what lies behind padding is another function then, or is jumped to.
                if isAfterCall {
                    if instruction.isPadding { break }
                    if code.takesArguments(at: position), try !(callee.map(returns) ?? false) { break }
                }
                reached[position] = instruction
                isAfterCall = false
                switch instruction.flow {
                case .next: break
                case .call(let target):
                    isAfterCall = true
                    callee = target
                case .indirectCall:
                    isAfterCall = true
                    callee = nil
                case .branch(let target): waiting.append(target)
                case .jump(let target):
                    waiting.append(target)
                    break walk
                case .indirectJump, .end: break walk
                }
                position = position &+ UInt64(instruction.length)
            }
        }
        for (address, instruction) in reached.sorted(by: { $0.key < $1.key }) {
            add(instruction, at: address, code.machine)
        }
    }

    /// These facts and those of a piece that belongs to it.
    func joined(with piece: CodeFacts) -> CodeFacts {
        var result = self
        result.constants.formUnion(piece.constants)
        result.compared.formUnion(piece.compared)
        result.isWhole = isWhole && piece.isWhole
        return result
    }

    private mutating func add(_ instruction: Instruction, at address: Address, _ machine: CodeMachine) {
        instructions.append((address, instruction))
        if let constant = instruction.constant { constants.insert(constant) }
        if let value = instruction.compared { compared.insert(value) }
        // Code that is to be small loads a number once, to add it and compare with it.
        if instruction.comparesRegisters {
            for (register, number) in held where !instruction.reads.isDisjoint(with: register) {
                compared.insert(number)
            }
        }
        if !instruction.writes.isEmpty {
            held.removeAll { !$0.register.isDisjoint(with: instruction.writes) }
            if let constant = instruction.constant { held.append((instruction.writes, constant)) }
        }
    }

    /// Whether the function reads its argument before anything else can stand in the argument's register. Follows
    /// direct jumps; behind a table of jumps all registers count as they were at it.
    func usesArgument(_ register: RegisterSet, clobbered: RegisterSet) -> Bool {
        var isIntact = true
        var isIntactBehindTables = false
        var intactTargets: Set<Address> = []
        var isReached = true
        for (address, instruction) in instructions {
            if intactTargets.contains(address) {
                isIntact = true
            } else if !isReached {
                isIntact = isIntactBehindTables
            }
            isReached = true
            if isIntact && !instruction.reads.isDisjoint(with: register) { return true }
            if !instruction.writes.isDisjoint(with: register) { isIntact = false }
            switch instruction.flow {
            case .next: break
            case .call, .indirectCall:
                if !clobbered.isDisjoint(with: register) { isIntact = false }
            case .branch(let target):
                if isIntact { intactTargets.insert(target) }
            case .jump(let target):
                if isIntact { intactTargets.insert(target) }
                isReached = false
            case .indirectJump:
                isIntactBehindTables = isIntactBehindTables || isIntact
                isReached = false
            case .end:
                isReached = false
            }
        }
        return false
    }
}

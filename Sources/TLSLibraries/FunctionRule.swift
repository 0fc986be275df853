/// What a program needs to know to read the server name from a call of one function. Arguments count from 0 and are
/// integers or pointers; where they are is the calling convention's business.
public struct FunctionRule: Sendable, Hashable {
    /// The call asks for a name only where the argument has this value.
    public struct Condition: Sendable, Hashable {
        public let argument: Int
        public let equals: UInt64
        /// How many of the register's low bits belong to the argument's type: 8, 16, 32 or 64. The others hold
        /// anything (System V ABI, AAPCS64).
        public let bits: Int

        public init(argument: Int, equals: UInt64, bits: Int) {
            self.argument = argument
            self.equals = equals
            self.bits = bits
        }
    }

    /// The most conditions that a rule may have: the BPF program checks that many.
    public static let conditionLimit = 2
    /// The highest argument that the BPF program reads (`SNISCOPE_ARGUMENTS` in bpf/abi/events.h); both architectures
    /// pass more in registers, but no library needs them.
    public static let lastArgument = 4

    public let convention: CallingConvention
    /// The pointer to the name.
    public let nameArgument: Int
    /// The name's length in bytes; nil where a NUL ends it.
    public let lengthArgument: Int?
    /// Of the length, as in `Condition.bits`.
    public let lengthBits: Int
    /// All must hold; at most `conditionLimit`.
    public let conditions: [Condition]
    /// The pointer that stands for the connection, in all of its calls; nil where there is none.
    public let connectionArgument: Int?
    /// What becomes of the name before it is sent.
    public let treatment: NameTreatment

    public init(
        convention: CallingConvention = .c, nameArgument: Int, lengthArgument: Int? = nil, lengthBits: Int = 64,
        conditions: [Condition] = [], connectionArgument: Int? = nil, treatment: NameTreatment = []
    ) {
        self.convention = convention
        self.nameArgument = nameArgument
        self.lengthArgument = lengthArgument
        self.lengthBits = lengthBits
        self.conditions = conditions
        self.connectionArgument = connectionArgument
        self.treatment = treatment
    }

    /// The same rule for functions that take their arguments on the stack.
    var withStackArguments: FunctionRule {
        FunctionRule(
            convention: .goStack, nameArgument: nameArgument, lengthArgument: lengthArgument, lengthBits: lengthBits,
            conditions: conditions, connectionArgument: connectionArgument, treatment: treatment)
    }
}

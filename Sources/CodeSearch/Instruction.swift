internal import ELFImage

/// What one instruction does, as far as finding functions needs it.
struct Instruction: Sendable, Equatable {
    /// Where the program goes on.
    enum Flow: Sendable, Equatable {
        case next
        /// Always there.
        case jump(Address)
        /// There, or at the next instruction.
        case branch(Address)
        /// There, and then most likely back to the next instruction.
        case call(Address)
        /// As `call`, to a place that a register or memory holds.
        case indirectCall
        case indirectJump
        /// Nowhere: a return, or a trap.
        case end
    }

    /// Bytes.
    var length: Int
    var flow: Flow = .next
    /// General registers that it reads and writes, by their hardware numbers.
    var reads: RegisterSet = []
    var writes: RegisterSet = []
    /// A number that it puts into a register or onto the stack; signed where it is written with 32 bits.
    var constant: Int64?
    /// A number that it compares with, or adds before it sets the flags.
    var compared: Int64?
    /// Whether it adds, subtracts or compares registers: one that holds a number is compared with it.
    var comparesRegisters = false
    /// An address that it forms by itself.
    var address: Address?
    /// Back to the caller.
    var isReturn = false
    /// Nothing: it only takes space.
    var isPadding = false
}

/// General registers by their hardware numbers, 0 to 31.
struct RegisterSet: OptionSet, Sendable {
    let rawValue: UInt32

    init(rawValue: UInt32) { self.rawValue = rawValue }
    init(_ register: UInt8) { rawValue = 1 << UInt32(register & 31) }
}

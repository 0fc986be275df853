/// Where a function's integer arguments are when it is called.
public enum CallingConvention: String, Sendable, Hashable, CaseIterable {
    /// System V on AMD64, AAPCS64 on ARM64: registers.
    case c
    /// Go's own from 1.17 on (ABIInternal): other registers on AMD64, the same on ARM64. A string is two arguments, its
    /// pointer and its length.
    case go
    /// Go before 1.17, and its functions in assembler (ABI0): on the stack, behind the return address.
    case goStack
}

extension ARM64Decoder {
    /// Loads and stores: the base, the index and what is stored are read.
    static func memory(_ word: UInt32, _ result: inout Instruction) {
        let base = RegisterSet(UInt8(word >> 5 & 31))
        let isVector = word >> 26 & 1 != 0
        result.reads = base
        switch word >> 27 & 7 {
        case 0b001 where !isVector:
            exclusive(word, &result)
        case 0b001:
            // Vectors' structures; a step in a register counts where it is none of the constants.
            if word >> 23 & 1 != 0 { indexed(word, &result) }
        case 0b011 where word >> 24 & 1 == 0:
            // Literal: no base. The last kind is a prefetch.
            result.reads = []
            if !isVector && word >> 30 != 3 { result.writes = d(word) }
        case 0b101:
            pair(word, isVector, &result)
        case 0b111:
            single(word, isVector, &result)
        default: break
        }
    }

    private static func indexed(_ word: UInt32, _ result: inout Instruction) {
        let base = RegisterSet(UInt8(word >> 5 & 31))
        result.reads = base.union(RegisterSet(UInt8(word >> 16 & 31)))
        result.writes = base
    }

    private static func pair(_ word: UInt32, _ isVector: Bool, _ result: inout Instruction) {
        let both = d(word).union(RegisterSet(UInt8(word >> 10 & 31)))
        let isLoad = word >> 22 & 1 != 0
        // Before or after the access the base is changed.
        if word >> 23 & 1 != 0 { result.writes = RegisterSet(UInt8(word >> 5 & 31)) }
        guard !isVector else { return }
        if isLoad { result.writes.formUnion(both) } else { result.reads.formUnion(both) }
    }

    private static func single(_ word: UInt32, _ isVector: Bool, _ result: inout Instruction) {
        let base = RegisterSet(UInt8(word >> 5 & 31))
        let index = RegisterSet(UInt8(word >> 16 & 31))
        let operation = word >> 22 & 3
        if word >> 24 & 1 == 0 {
            switch (word >> 21 & 1, word >> 10 & 3) {
            case (0, 1), (0, 3): result.writes = base
            case (1, 0):
                // Atomic operations take one register and give another.
                result.reads.formUnion(index)
                result.writes = d(word)
                return
            case (1, 2): result.reads.formUnion(index)
            default: break
            }
        }
        // The last of the 64-bit ones is a prefetch.
        guard !isVector, !(word >> 30 == 3 && operation == 2) else { return }
        if operation == 0 { result.reads.formUnion(d(word)) } else { result.writes.formUnion(d(word)) }
    }

    /// Exclusive and ordered accesses, and compare and swap.
    private static func exclusive(_ word: UInt32, _ result: inout Instruction) {
        let status = RegisterSet(UInt8(word >> 16 & 31))
        let second = RegisterSet(UInt8(word >> 10 & 31))
        let isLoad = word >> 22 & 1 != 0
        let isOrdered = word >> 23 & 1 != 0
        let isPair = word >> 21 & 1 != 0
        if isPair && (isOrdered || word >> 31 == 0) {
            // cas and casp.
            var compared = status
            var stored = d(word)
            if !isOrdered {
                compared.formUnion(RegisterSet(UInt8((word >> 16 & 31) + 1)))
                stored.formUnion(RegisterSet(UInt8((word & 31) + 1)))
            }
            result.reads.formUnion(compared.union(stored))
            result.writes = compared
            return
        }
        let data = isPair ? d(word).union(second) : d(word)
        if isLoad {
            result.writes = data
        } else {
            result.reads.formUnion(data)
            if !isOrdered { result.writes = status }
        }
    }
}

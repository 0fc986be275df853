internal import ELFImage

/// The check that Go's functions begin with: is there room on the stack, and may the goroutine go on? If not, the
/// runtime is called, and then the function begins anew (`runtime.morestack` in Go's src/runtime/asm_amd64.s). A probe
/// on the first instruction sees such a call twice (measured: 1,020 hits in 1,000 calls by goroutines whose stacks grew).
///
/// None of its instructions writes a register with an argument, or the stack pointer (`stacksplit` in Go's
/// src/cmd/internal/obj/x86/obj6.go and arm64/obj7.go).
enum StackCheck {
    /// Longer than any form of it.
    static let lengthLimit = 40

    /// Bytes of the check; 0 where the function does not begin with one that is known.
    /// - Parameter size: Of the function, in bytes.
    static func length(_ code: [UInt8], size: UInt64, _ machine: Machine) -> Int {
        let forms: [[[Code]]] =
            switch machine {
            case .amd64: amd64
            case .arm64: arm64
            case .other: []
            }
        for form in forms {
            var end = 0
            let fits = form.allSatisfy { alternatives in
                guard let match = alternatives.first(where: { $0.fits(code, at: end, size: size) }) else {
                    return false
                }
                end += match.bytes.count
                return true
            }
            if fits, UInt64(end) < size { return end }
        }
        return 0
    }

    private static var amd64: [[[Code]]] {
        let below: [Code] = [Code([0x76], distance: 1), Code([0x0f, 0x86], distance: 4)]
        // Compares what R12 has with the goroutine's limit.
        let compare: [Code] = [Code([0x4d, 0x3b, 0x66, 0x10])]
        return [
            [[Code([0x49, 0x3b, 0x66, 0x10])], below],
            // Frames from 128 bytes on: lea r12, [rsp - size].
            [[Code([0x4c, 0x8d, 0x64, 0x24], any: 1), Code([0x4c, 0x8d, 0xa4, 0x24], any: 4)], compare, below],
            // From 4096 bytes on: mov r12, rsp; sub r12, size; jb.
            [
                [Code([0x49, 0x89, 0xe4])], [Code([0x49, 0x81, 0xec], any: 4)],
                [Code([0x72], distance: 1), Code([0x0f, 0x82], distance: 4)], compare, below,
            ],
        ] + old(below)
    }

    /// Before 1.17: the goroutine is in thread-local storage, and arguments are in no registers.
    private static func old(_ below: [Code]) -> [[[Code]]] {
        let goroutine: [[[Code]]] = [
            // mov rcx, fs:[-8]
            [[Code([0x64, 0x48, 0x8b, 0x0c, 0x25, 0xf8, 0xff, 0xff, 0xff])]],
            // mov rcx, [rip + distance], or what linkers make of it: mov rcx, -8; mov rcx, fs:[rcx].
            [
                [Code([0x48, 0x8b, 0x0d], any: 4), Code([0x48, 0xc7, 0xc1, 0xf8, 0xff, 0xff, 0xff])],
                [Code([0x64, 0x48, 0x8b, 0x09])],
            ],
        ]
        let compare: [[[Code]]] = [
            // cmp rsp, [rcx + 16]
            [[Code([0x48, 0x3b, 0x61, 0x10])]],
            // lea rax, [rsp - size]; cmp rax, [rcx + 16]
            [
                [Code([0x48, 0x8d, 0x44, 0x24], any: 1), Code([0x48, 0x8d, 0x84, 0x24], any: 4)],
                [Code([0x48, 0x3b, 0x41, 0x10])],
            ],
        ]
        return goroutine.flatMap { load in compare.map { load + $0 + [below] } }
    }

    private static var arm64: [[[Code]]] {
        // ldr x16, [x28, #16]
        let limit: [Code] = [Code(0xf940_0b90)]
        // cmp x17, x16; b.ls
        let compare: [Code] = [Code(0xeb10_023f)]
        let below: [Code] = [Code(0x5400_0009, mask: 0xff00_001f, isBranch: true)]
        return [
            // cmp sp, x16
            [limit, [Code(0xeb30_63ff)], below],
            // sub x17, sp, #size
            [limit, [Code(0xd100_03f1, mask: 0xff80_03ff)], compare, below],
            // mov x27, #size; subs x17, sp, x27; b.lo
            [
                limit, [Code(0xd280_001b, mask: 0xffe0_001f)], [Code(0xeb3b_63f1)],
                [Code(0x5400_0003, mask: 0xff00_001f, isBranch: true)], compare, below,
            ],
        ]
    }
}

/// One instruction, with bits that may be any.
private struct Code {
    var bytes: [(value: UInt8, mask: UInt8)]
    private enum Branch {
        case none
        case relative(Int)
        case conditional
    }
    private var branch = Branch.none

    /// AMD64: these bytes, then `any` others.
    init(_ fixed: [UInt8], any: Int = 0) {
        bytes = fixed.map { ($0, 0xff) } + [(UInt8, UInt8)](repeating: (0, 0), count: any)
    }

    /// AMD64: a jump forwards, `distance` bytes wide, within the function.
    init(_ fixed: [UInt8], distance: Int) {
        self.init(fixed, any: distance)
        branch = .relative(distance)
    }

    /// ARM64.
    init(_ word: UInt32, mask: UInt32 = .max, isBranch: Bool = false) {
        bytes = (0..<4).map {
            (UInt8(truncatingIfNeeded: word >> ($0 * 8)), UInt8(truncatingIfNeeded: mask >> ($0 * 8)))
        }
        if isBranch { branch = .conditional }
    }

    func fits(_ code: [UInt8], at start: Int, size: UInt64) -> Bool {
        let end = start + bytes.count
        guard end <= code.count, zip(code[start..<end], bytes).allSatisfy({ $0 & $1.mask == $1.value }) else {
            return false
        }
        func number(_ range: Range<Int>) -> UInt64 { code[range].reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        // Where the runtime is called: behind the function's code, still in the function.
        switch branch {
        case .none:
            return true
        case .relative(let width):
            return UInt64(end) + number((end - width)..<end) < size
        case .conditional:
            // A sign would make it larger than any function.
            return UInt64(start) + (number(start..<end) >> 5 & 0x7_ffff) * 4 < size
        }
    }
}

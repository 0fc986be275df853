/// The processor an ELF file is for, from `e_machine`, class and byte order (gABI, "ELF Header").
public enum Machine: Sendable, Hashable {
    case amd64
    case arm64
    /// Any other; arguments of its functions can't be read.
    case other(String)

    init(number: UInt16, encoding: Encoding) {
        switch (number, encoding.is64Bit, encoding.isBigEndian) {
        case (62, true, false): self = .amd64
        case (183, true, false): self = .arm64
        default: self = .other(Machine.name(number, encoding))
        }
    }

    /// As `uname -m` writes it where Linux runs on the machine.
    public var name: String {
        switch self {
        case .amd64: "x86_64"
        case .arm64: "aarch64"
        case .other(let name): name
        }
    }

    /// - Parameter name: As `name` gives it.
    package init(name: String) {
        switch name {
        case Self.amd64.name: self = .amd64
        case Self.arm64.name: self = .arm64
        default: self = .other(name)
        }
    }

    private static func name(_ number: UInt16, _ encoding: Encoding) -> String {
        switch number {
        case 2: "sparc"
        case 3: "i386"
        case 8: encoding.isBigEndian ? "mips" : "mipsel"
        case 20: "ppc"
        case 21: encoding.isBigEndian ? "ppc64" : "ppc64le"
        case 22: encoding.is64Bit ? "s390x" : "s390"
        case 40: "arm"
        case 43: "sparc64"
        // The x32 ABI: 64-bit registers in a 32-bit file.
        case 62: "x32"
        case 183: encoding.isBigEndian ? "aarch64_be" : "aarch64_ilp32"
        case 243: encoding.is64Bit ? "riscv64" : "riscv32"
        case 247: "bpf"
        case 258: encoding.is64Bit ? "loongarch64" : "loongarch32"
        default: "machine \(number)"
        }
    }
}

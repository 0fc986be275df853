import ELFImage
import Testing

@Suite("The ELF header and program headers")
struct HeaderTests {
    private func error(_ bytes: [UInt8]) -> ELFError? {
        do {
            _ = try ELFImage(MemorySource(bytes))
            return nil
        } catch {
            return error as? ELFError
        }
    }

    @Test("Both classes and both byte orders are read", arguments: [true, false], [true, false])
    func encodings(is64Bit: Bool, isBigEndian: Bool) throws {
        let image = try ELFImage(MemorySource(ELFBuilder(is64Bit: is64Bit, isBigEndian: isBigEndian).bytes))
        #expect(image.kind == .shared)
        #expect(image.segments.map(\.type) == [1, 2, 4, 0x6474_e550])
        #expect(image.segments[0].address == Address(ELFBuilder.base))
        #expect(image.segments[0].isExecutable)
        #expect(!image.segments[0].isWritable)
        #expect(try image.dynamicSection()?.needed == ["libneeded.so.1"])
        #expect(try image.buildID() == "deadbeef")
    }

    @Test("Machines have names; only their usual form is one that can be traced")
    func machines() throws {
        func machine(_ number: UInt16, is64Bit: Bool = true, isBigEndian: Bool = false) throws -> Machine {
            var builder = ELFBuilder(is64Bit: is64Bit, isBigEndian: isBigEndian)
            builder.machine = number
            builder.build()
            return try ELFImage(MemorySource(builder.bytes)).machine
        }
        #expect(try machine(62) == .amd64)
        #expect(try machine(183) == .arm64)
        #expect(try machine(62, is64Bit: false) == .other("x32"))
        #expect(try machine(183, isBigEndian: true) == .other("aarch64_be"))
        #expect(try machine(3, is64Bit: false) == .other("i386"))
        #expect(try machine(22, isBigEndian: true) == .other("s390x"))
        #expect(try machine(9999) == .other("machine 9999"))
    }

    @Test("What is not ELF is said to be so")
    func notELF() {
        for text in ["", "\u{7f}", "\u{7f}EL", "#!/bin/sh\n", "MZ"] { #expect(error(Array(text.utf8)) == .notELF) }
        #expect(ELFError.notELF.description == "it is not an ELF file")
    }

    @Test("A file cut off within its headers is reported, at every length", arguments: [true, false])
    func truncated(is64Bit: Bool) {
        let builder = ELFBuilder(is64Bit: is64Bit)
        let end = builder.layout.segments + 4 * (is64Bit ? 56 : 32)
        for length in 4..<end {
            let part = length < builder.layout.segments ? "the ELF header" : "the program header table"
            #expect(error(Array(builder.bytes[..<length])) == .truncated(part: part))
        }
        #expect(error(Array(builder.bytes[..<end])) == nil)
    }

    @Test("Wrong fields are named")
    func wrongFields() {
        func changed(_ changes: [Int: UInt8]) -> String? {
            var bytes = ELFBuilder().bytes
            for (offset, byte) in changes { bytes[offset] = byte }
            return error(bytes)?.description
        }
        #expect(changed([4: 7])?.contains("its class is 7") == true)
        #expect(changed([5: 0])?.contains("its byte order is 0") == true)
        #expect(changed([54: 57])?.contains("program headers of 57 bytes, not 56") == true)
        #expect(changed([56: 0xff, 57: 0xff])?.contains("has the size 65535, more than the 4096") == true)
        #expect(changed([39: 0xff])?.contains("the program header table reaches past the end") == true)
    }

    @Test("Addresses and file offsets are not the same")
    func addresses() throws {
        let builder = ELFBuilder()
        let image = try ELFImage(MemorySource(builder.bytes))
        #expect(image.fileOffset(of: builder.address(ofSlot: 1)) == FileOffset(UInt64(builder.layout.text + 32)))
        #expect(try image.bytes(atAddress: builder.address(ofSlot: 0), count: 2) == [0x90, 0x90])
        #expect(image.fileOffset(of: Address(ELFBuilder.base - 1)) == nil)
        #expect(image.fileOffset(of: Address(ELFBuilder.base + UInt64(builder.bytes.count))) == nil)
        #expect(image.fileOffset(of: Address(.max)) == nil)
    }
}

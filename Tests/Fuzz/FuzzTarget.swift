import Foundation

/// SNISCOPE_FUZZ_FORMAT says which format's files are made.
private let reader: Format.Reader = {
    let name = ProcessInfo.processInfo.environment["SNISCOPE_FUZZ_FORMAT"] ?? ""
    guard let format = Format.all.first(where: { $0.name == name }) else {
        fatalError("SNISCOPE_FUZZ_FORMAT: there is no format \"\(name)\"")
    }
    do {
        return try format.reader()
    } catch {
        fatalError("\(error)")
    }
}()

/// What libFuzzer calls.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var choices = Choices(UnsafeRawBufferPointer(start: bytes, count: count))
    reader(&choices)
    return 0
}

/// What the program prints without arguments.
@_cdecl("fuzz_list_formats")
public func listFormats() {
    for format in Format.all { print(format.name) }
}

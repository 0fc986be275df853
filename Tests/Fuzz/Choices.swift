/// The fuzzer's bytes, read as choices. A format is changed by choices instead of being made of them: nearly every input
/// reaches the parser's inside, and the fuzzer learns which changes lead to code that none has run yet.
struct Choices {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: UnsafeRawBufferPointer) {
        rest = ArraySlice(bytes)
    }

    var isEmpty: Bool { rest.isEmpty }

    /// 0 once there are no more.
    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func number() -> Int { Int(byte()) << 8 | Int(byte()) }

    mutating func index(below count: Int) -> Int { count > 0 ? number() % count : 0 }

    mutating func element<Element>(of elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[index(below: elements.count)]
    }
}

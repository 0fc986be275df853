/// Values as bytes, for another process of this program: JSON takes longer than the look into most files.
package struct Packing {
    package private(set) var bytes: [UInt8] = []

    package mutating func add(_ value: some Packable) { value.pack(into: &self) }

    fileprivate mutating func append(_ number: UInt64) {
        // Most are small.
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    fileprivate mutating func append(_ more: some Sequence<UInt8>) { bytes += more }
}

/// The values again. A process that has read a hostile file may have sent any bytes.
package struct Unpacking {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    package mutating func next<Value: Packable>(_ type: Value.Type = Value.self) throws(PackingError) -> Value {
        try Value(unpacking: &self)
    }

    fileprivate mutating func number() throws(PackingError) -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { throw PackingError() }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        throw PackingError()
    }

    /// A length or a count: no more than there are bytes.
    fileprivate mutating func count() throws(PackingError) -> Int {
        let number = try number()
        guard number <= UInt64(rest.count) else { throw PackingError() }
        return Int(number)
    }

    fileprivate mutating func bytes(_ count: Int) -> ArraySlice<UInt8> {
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

package struct PackingError: Error {
    package init() {}
}

package protocol Packable {
    func pack(into packing: inout Packing)
    init(unpacking: inout Unpacking) throws(PackingError)
}

extension Packable {
    package var packed: [UInt8] {
        var packing = Packing()
        pack(into: &packing)
        return packing.bytes
    }

    package init?(packed bytes: ArraySlice<UInt8>) {
        var unpacking = Unpacking(bytes)
        do { self = try unpacking.next() } catch { return nil }
    }
}

extension UInt64: Packable {
    package func pack(into packing: inout Packing) { packing.append(self) }
    package init(unpacking: inout Unpacking) throws(PackingError) { self = try unpacking.number() }
}

extension Int: Packable {
    package func pack(into packing: inout Packing) { packing.append(UInt64(UInt(bitPattern: self))) }
    package init(unpacking: inout Unpacking) throws(PackingError) {
        self = Int(bitPattern: UInt(try unpacking.number()))
    }
}

extension Bool: Packable {
    package func pack(into packing: inout Packing) { packing.append(self ? 1 as UInt64 : 0) }
    package init(unpacking: inout Unpacking) throws(PackingError) { self = try unpacking.number() != 0 }
}

extension String: Packable {
    package func pack(into packing: inout Packing) {
        packing.append(UInt64(utf8.count))
        packing.append(utf8)
    }
    package init(unpacking: inout Unpacking) throws(PackingError) {
        let count = try unpacking.count()
        self = String(decoding: unpacking.bytes(count), as: UTF8.self)
    }
}

extension Optional: Packable where Wrapped: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(self != nil)
        if let self { packing.add(self) }
    }
    package init(unpacking: inout Unpacking) throws(PackingError) {
        self = try unpacking.next(Bool.self) ? try unpacking.next(Wrapped.self) : nil
    }
}

extension Array: Packable where Element: Packable {
    package func pack(into packing: inout Packing) {
        packing.append(UInt64(count))
        for element in self { packing.add(element) }
    }
    package init(unpacking: inout Unpacking) throws(PackingError) {
        self = []
        for _ in 0..<(try unpacking.count()) { append(try unpacking.next()) }
    }
}

internal import ELFImage

/// A name that is wanted: exact, or the end of an import path behind its last slash (`*/utls.hostnameInSNI`).
struct FunctionPattern: Sendable {
    /// What to look for; ends with a NUL, as names do.
    let bytes: [UInt8]
    let isSuffix: Bool

    init(_ text: String) {
        isSuffix = text.hasPrefix("*")
        bytes = Array(text.utf8.drop { $0 == UInt8(ascii: "*") }) + [0]
    }
}

/// A name in the table that fits a pattern.
struct FunctionName: Sendable {
    /// Distances from the names' beginning where the name may begin. Names have a NUL before them, but in the layout of
    /// 1.2 anything may stand there.
    let begins: ClosedRange<UInt64>
    let name: String
}

extension FunctionTable {
    private static var nameLimit: Int { 1024 }
    private static var matchLimit: Int { 1024 }

    /// The names that fit any of the patterns.
    func names(_ patterns: [FunctionPattern], in image: ELFImage) throws -> [FunctionName] {
        var result: [UInt64: FunctionName] = [:]
        guard let range = image.searchable(names.lowerBound, size: names.size) else {
            return []
        }
        var left = Self.matchLimit
        for pattern in patterns where pattern.bytes.count > 1 {
            try image.forEachMatch(of: pattern.bytes, in: range) { match in
                if let name = try name(pattern, at: match, in: image) { result[name.begins.lowerBound] = name }
                left -= 1
                return left > 0
            }
        }
        guard left > 0 else {
            throw ELFError.damaged(
                part: "Go's function table", problem: "wanted names occur \(Self.matchLimit) times")
        }
        return result.values.sorted { $0.begins.lowerBound < $1.begins.lowerBound }
    }

    private func name(_ pattern: FunctionPattern, at match: Address, in image: ELFImage) throws -> FunctionName? {
        guard let begin = match.distance(from: names.lowerBound) else { return nil }
        let before = min(begin, UInt64(Self.nameLimit))
        guard let first = match - before else { return nil }
        let bytes = try image.bytes(atAddress: first, count: Int(before)) ?? []
        guard bytes.count == Int(before) else { return nil }
        let prefix = bytes.suffix(while: { $0 != 0 })
        guard prefix.count < Self.nameLimit else { return nil }
        if pattern.isSuffix {
            let name = String(decoding: prefix + pattern.bytes.dropLast(), as: UTF8.self)
            return FunctionName(begins: (begin - UInt64(prefix.count))...begin, name: name)
        }
        guard prefix.isEmpty || layout == .go1x2 else { return nil }
        return FunctionName(begins: begin...begin, name: String(decoding: pattern.bytes.dropLast(), as: UTF8.self))
    }
}

extension Array {
    /// The longest end of which all elements fit.
    fileprivate func suffix(while fits: (Element) -> Bool) -> ArraySlice<Element> {
        self[(lastIndex { !fits($0) }.map { $0 + 1 } ?? startIndex)...]
    }
}

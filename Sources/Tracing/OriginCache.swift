internal import LibBPF
internal import TLSLibraries

/// Who made the calls of late: whose a caller is, is asked once for all of its calls, for as long as nothing has come
/// that could change the answer.
struct OriginCache {
    struct Entry {
        let origin: CallOrigin
        let treatment: NameTreatment
    }

    private static let size = 1024

    private var entries: [Entry?] = Array(repeating: nil, count: size)
    private var isEmpty = true

    subscript(_ caller: Caller) -> Entry? {
        guard let entry = entries[index(of: caller)], entry.origin.caller === caller else { return nil }
        return entry
    }

    mutating func insert(_ entry: Entry) {
        entries[index(of: entry.origin.caller)] = entry
        isEmpty = false
    }

    /// Something has come that may change an answer.
    mutating func clear() {
        guard !isEmpty else { return }
        for index in entries.indices { entries[index] = nil }
        isEmpty = true
    }

    private func index(of caller: Caller) -> Int {
        // Objects begin at multiples of 16.
        Int(bitPattern: ObjectIdentifier(caller)) >> 4 & (Self.size - 1)
    }
}

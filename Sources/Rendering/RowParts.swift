/// What is written of a row, in its order: what is the row's own, and runs of what rows of the same object have alike
/// (`Schema.sharing`), which are written once for all of them.
struct RowParts<Element: Sendable>: Sendable {
    enum Part: Sendable {
        case own(Boxed<Element>)
        /// By its place in `shared`.
        case shared(Int)
    }

    private(set) var parts: [Part] = []
    private(set) var shared: [[Element]] = []

    mutating func append(_ element: Element, isShared: Bool) {
        if !isShared {
            parts.append(.own(Boxed(element)))
        } else if case .shared(let last) = parts.last {
            shared[last].append(element)
        } else {
            parts.append(.shared(shared.count))
            shared.append([element])
        }
    }
}

/// A value of many parts behind one reference, which is all that is counted where it is used for each row.
final class Boxed<Value: Sendable>: Sendable {
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}

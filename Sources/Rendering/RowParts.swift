/// What is written of a row, in its order: runs of what rows of the same object have alike (`Schema.sharing`), which are
/// written once for all of them, and between them what is the row's own.
struct RowParts<Element: Sendable>: Sendable {
    private(set) var own: [Element] = []
    /// What comes before each of `own`, and at the end; some are empty.
    private(set) var shared: [[Element]] = [[]]

    mutating func append(_ element: Element, isShared: Bool) {
        if isShared {
            shared[shared.count - 1].append(element)
        } else {
            own.append(element)
            shared.append([])
        }
    }
}

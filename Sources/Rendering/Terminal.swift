/// The terminal that rows are written to.
public struct Terminal: Sendable, Equatable {
    /// Cells of a line; nil where the terminal does not say.
    public var width: Int? {
        didSet { width = Self.usable(width) }
    }
    /// Whether what does not fit is cut, so that no line wraps.
    public let truncates: Bool

    public init(width: Int?, truncates: Bool = false) {
        self.width = Self.usable(width)
        self.truncates = truncates
    }

    /// A serial line says 0.
    private static func usable(_ width: Int?) -> Int? {
        width.flatMap { $0 > 0 ? $0 : nil }
    }
}

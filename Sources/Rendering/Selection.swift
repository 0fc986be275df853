/// Which names are wanted: comma lists of shell patterns, in which `!` excludes.
///
/// A name is selected if no excluding pattern matches it and, unless there are only excluding ones, another does.
/// `\,` is a comma inside a pattern and `\!` an exclamation mark at its beginning.
public struct Selection: Sendable, Equatable {
    private let included: [Glob]
    private let excluded: [Glob]
    private let ignoringCase: Bool

    /// Whether a pattern says what is wanted, not only what isn't.
    public var hasInclusions: Bool { !included.isEmpty }

    /// The patterns without wildcards, of both kinds.
    public var literals: [String] { (included + excluded).compactMap(\.literal) }

    /// The patterns as comparisons, nil for each that is none.
    public var shapes: (included: [Glob.Shape?], excluded: [Glob.Shape?]) {
        (included.map(\.shape), excluded.map(\.shape))
    }

    /// - Parameters:
    ///   - lists: the arguments of the option, each a list; none selects everything.
    ///   - option: the option's name, for errors.
    ///   - ignoringCase: treats ASCII letters alike in upper and lower case, as host names need.
    ///   - stopsAtSlash: nothing but a `/` matches a `/`, as in paths.
    /// - Throws: if a list is longer than 4096 bytes or a pattern is empty.
    public init(
        _ lists: [String] = [], option: String, ignoringCase: Bool = false, stopsAtSlash: Bool = false
    ) throws(UsageError) {
        var included: [Glob] = []
        var excluded: [Glob] = []
        for list in lists {
            try UsageError.checkLength(list, of: "The list of \(option)")
            for item in list.splitAtPlainCommas {
                let excludes = item.unicodeScalars.first == "!"
                let pattern = excludes ? String(item.unicodeScalars.dropFirst()) : item
                guard !pattern.isEmpty else {
                    throw UsageError(
                        "The list \(list.quotedInError) of \(option) has an empty pattern: write patterns "
                            + "separated by single commas, with '!' before one that excludes.")
                }
                let glob = Glob(pattern, ignoringCase: ignoringCase, stopsAtSlash: stopsAtSlash)
                if excludes { excluded.append(glob) } else { included.append(glob) }
            }
        }
        self.included = included
        self.excluded = excluded
        self.ignoringCase = ignoringCase
    }

    /// Whether there are no patterns, so that every name is selected.
    public var isEmpty: Bool { included.isEmpty && excluded.isEmpty }

    public func matches(_ name: String) -> Bool {
        matches(anyOf: [name])
    }

    /// Whether something that goes by several names is selected: one pattern is enough to include it by one of them,
    /// or to exclude it.
    public func matches(anyOf names: [String]) -> Bool {
        func isMatched(by globs: [Glob]) -> Bool {
            globs.contains { glob in names.contains(where: glob.matches) }
        }
        return (included.isEmpty || isMatched(by: included)) && !isMatched(by: excluded)
    }

    /// The names that are selected, if the patterns are nothing but such names: then a comparison does, such as one in
    /// the kernel. Nil if there are special characters, exclusions, no patterns, or case is ignored.
    public var exactNames: [String]? {
        guard !included.isEmpty, excluded.isEmpty, !ignoringCase else { return nil }
        let names = included.compactMap(\.literal)
        return names.count == included.count ? names : nil
    }
}

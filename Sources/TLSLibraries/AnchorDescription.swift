internal import CodeSearch

/// What a description says of a function that is found by what it contains.
struct AnchorDescription: Decodable {
    /// What users see; nil where it is the description's symbol.
    let finds: String?
    let rule: AnchorRule

    private static let numberLimit = 8
    /// Smaller numbers stand in any function: they are sizes, registers saved, characters counted.
    private static let smallestTelling: Int64 = 16

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(
            decoder,
            keys: [
                "finds", "references", "immediates", "callSite", "compares", "usesArgument", "largestSize", "functions",
            ])
        finds = try object.optionalSymbol("finds")
        let largest: Int64 = 0xffff_ffff
        rule = AnchorRule(
            texts: try object.required("references", References.self).texts,
            immediates: try object.numbers("immediates", in: 1...largest, limit: Self.numberLimit) ?? [],
            callSite: try object.numbers("callSite", in: 1...largest, limit: Self.numberLimit) ?? [],
            comparisons: try object.list("compares", Comparison.self)?.map(\.rule) ?? [],
            usesArgument: try object.optionalArgument("usesArgument"),
            largestSize: try object.number("largestSize", in: 16...(1 << 16)) ?? object.required("largestSize"),
            count: try object.number("functions", in: 1...8) ?? 1)
        guard
            rule.usesArgument != nil || rule.immediates.contains(where: { $0 >= Self.smallestTelling })
                || rule.comparisons.contains(where: { $0.number >= Self.smallestTelling })
        else {
            throw object.problem(
                "references",
                "are not enough: a rule needs \"immediates\" or \"compares\" of at least \(Self.smallestTelling), or "
                    + "\"usesArgument\", or it finds whatever else refers to the text")
        }
    }

    private struct References: Decodable {
        let texts: [AnchorText]

        private static let shortestText = 8

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["endsWith", "is"])
            let suffixes = try object.texts("endsWith") ?? []
            let exact = try object.texts("is") ?? []
            texts = suffixes.map { AnchorText($0, isSuffix: true) } + exact.map { AnchorText($0, isSuffix: false) }
            guard !texts.isEmpty else { throw object.problem("endsWith", "is missing, and so is \"is\": name a text") }
            for (key, texts) in [("endsWith", suffixes), ("is", exact)] {
                guard let short = texts.firstIndex(where: { $0.utf8.count < Self.shortestText }) else { continue }
                throw object.problem(
                    key, at: short,
                    "\"\(texts[short])\" has less than \(Self.shortestText) characters: too many files have it")
            }
        }
    }

    private struct Comparison: Decodable {
        let rule: AnchorRule.Comparison

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["with", "tolerance"])
            let number = try object.number("with", in: 0...0xffff_ffff) ?? object.required("with", Int64.self)
            let tolerance = try object.number("tolerance", in: 0...16) ?? Int64(0)
            guard tolerance < number else {
                throw object.problem(
                    "with", "is \(number), give or take \(tolerance): each function compares something with 0")
            }
            rule = AnchorRule.Comparison(number: number, tolerance: tolerance)
        }
    }
}

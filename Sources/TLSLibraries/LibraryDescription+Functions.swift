internal import CodeSearch

extension LibraryDescription.Function: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(
            decoder,
            keys: ["symbol", "renamed", "anchor", "goFunctions", "name", "conditions", "connection", "sent"])
        let symbol = try object.optionalText("symbol")
        renamed = try object.optional("renamed")
        anchor = try object.optional("anchor", AnchorDescription.self)
            .map { LibraryDescription.Anchor(finds: try $0.finds(symbol), rule: $0.rule) }
        goFunctions = try object.texts("goFunctions") ?? []
        guard let shown = symbol ?? anchor?.finds ?? goFunctions.first else {
            throw object.problem(
                "symbol", "is missing, and so are \"anchor\" and \"goFunctions\": nothing finds the function")
        }
        guard goFunctions.isEmpty || symbol == nil && anchor == nil else {
            throw object.problem(
                "goFunctions",
                "takes its arguments as Go's functions do: it can't stand beside \"symbol\" or \"anchor\"")
        }
        guard renamed == nil || symbol != nil else {
            throw object.problem("renamed", "needs a \"symbol\", to which prefixes are added")
        }
        name = shown
        hasSymbol = symbol != nil
        let name = try object.required("name", NameDescription.self)
        let conditions = try object.optional("conditions", [FunctionRule.Condition].self) ?? []
        guard conditions.count <= FunctionRule.conditionLimit else {
            throw object.problem(
                "conditions", "must be at most \(FunctionRule.conditionLimit), are \(conditions.count)")
        }
        rule = FunctionRule(
            convention: goFunctions.isEmpty ? .c : .go, nameArgument: name.argument,
            lengthArgument: name.length?.argument, lengthBits: name.length?.bits ?? 64,
            conditions: conditions, connectionArgument: try object.optionalArgument("connection"),
            treatment: try object.optional("sent", TreatmentDescription.self)?.treatment ?? [])
    }
}

/// What becomes of the name before it is sent.
private struct TreatmentDescription: Decodable {
    let treatment: NameTreatment

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["addresses", "trailingDots"])
        var treatment: NameTreatment = []
        if try object.optional("addresses", Bool.self) == false { treatment.insert(.dropsIPLiterals) }
        if try object.optional("trailingDots", Bool.self) == false { treatment.insert(.trimsTrailingDots) }
        self.treatment = treatment
    }
}

extension LibraryDescription.Renamed: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["with", "except"])
        with = try object.text("with")
        except = try object.texts("except") ?? []
    }
}

/// Where the name is, and in which form.
private struct NameDescription: Decodable {
    let argument: Int
    let length: Length?

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["argument", "form", "length"])
        argument = try object.argument("argument")
        length = try object.optional("length")
        switch (try object.text("form"), length) {
        case ("terminated", nil), ("length", .some): break
        case ("terminated", .some): throw object.problem("length", "belongs to the form \"length\" only")
        case ("length", nil): throw object.problem("length", "is missing; the form \"length\" needs it")
        case (let form, _):
            throw object.problem("form", "must be \"terminated\" or \"length\", is \"\(form)\"")
        }
    }

    struct Length: Decodable {
        let argument: Int
        let bits: Int

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["argument", "bits"])
            argument = try object.argument("argument")
            bits = try object.bits("bits")
        }
    }
}

/// What the function contains.
private struct AnchorDescription: Decodable {
    private let name: String?
    let rule: AnchorRule

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(
            decoder,
            keys: [
                "finds", "references", "immediates", "callSite", "compares", "usesArgument", "largestSize", "functions",
            ])
        name = try object.optionalText("finds")
        let references = try object.required("references", References.self)
        let immediates = try object.optional("immediates", [Int64].self) ?? []
        let callSite = try object.optional("callSite", [Int64].self) ?? []
        let compares = try object.optional("compares", [Comparison].self) ?? []
        let usesArgument = try object.optionalArgument("usesArgument")
        let largestSize = try object.required("largestSize", Int.self)
        guard (16...(1 << 16)).contains(largestSize) else {
            throw object.problem("largestSize", "must be 16 to \(1 << 16) bytes, is \(largestSize)")
        }
        let count = try object.optional("functions", Int.self) ?? 1
        guard (1...8).contains(count) else { throw object.problem("functions", "must be 1 to 8, is \(count)") }
        for (key, numbers) in [("immediates", immediates), ("callSite", callSite)] {
            guard numbers.count <= 8, numbers.allSatisfy({ (1...0xffff_ffff).contains($0) }) else {
                throw object.problem(key, "must be at most 8 numbers, each 1 to 0xffffffff")
            }
        }
        guard !immediates.isEmpty || !compares.isEmpty || usesArgument != nil else {
            throw object.problem(
                "references",
                "are not enough: a rule needs \"immediates\", \"compares\" or \"usesArgument\" too, or it "
                    + "finds whatever else refers to the text")
        }
        rule = AnchorRule(
            texts: references.texts, immediates: immediates, callSite: callSite, comparisons: compares.map(\.rule),
            usesArgument: usesArgument, largestSize: largestSize, count: count)
    }

    /// The name of what is found.
    func finds(_ symbol: String?) throws -> String {
        guard let found = name ?? symbol else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: [],
                    debugDescription: "an anchor needs \"finds\", the function's name, where there is no \"symbol\""))
        }
        return found
    }

    private struct References: Decodable {
        let texts: [AnchorText]

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["endsWith", "is"])
            let suffixes = try object.texts("endsWith") ?? []
            let exact = try object.texts("is") ?? []
            texts = suffixes.map { AnchorText($0, isSuffix: true) } + exact.map { AnchorText($0, isSuffix: false) }
            guard !texts.isEmpty else { throw object.problem("endsWith", "is missing, and so is \"is\": name a text") }
            if let short = texts.first(where: { $0.text.utf8.count < 8 }) {
                throw object.problem(
                    short.isSuffix ? "endsWith" : "is",
                    "\"\(short.text)\" has less than 8 characters: too many files have it")
            }
        }
    }

    private struct Comparison: Decodable {
        let rule: AnchorRule.Comparison

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["with", "tolerance"])
            let number = try object.required("with", Int64.self)
            let tolerance = try object.optional("tolerance", Int64.self) ?? 0
            guard (0...0xffff_ffff).contains(number) else {
                throw object.problem("with", "must be 0 to 0xffffffff, is \(number)")
            }
            guard (0...16).contains(tolerance) else {
                throw object.problem("tolerance", "must be 0 to 16, is \(tolerance)")
            }
            rule = AnchorRule.Comparison(number: number, tolerance: tolerance)
        }
    }
}

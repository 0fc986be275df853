extension LibraryDescription.Function: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(
            decoder,
            keys: ["symbol", "renamed", "anchor", "goFunctions", "name", "conditions", "connection", "sent"])
        let symbol = try object.optionalSymbol("symbol")
        renamed = try object.optional("renamed")
        let anchor = try object.optional("anchor", AnchorDescription.self)
        goFunctions = try object.texts("goFunctions") ?? []
        let name = try object.required("name", NameDescription.self)
        let conditions = try object.list("conditions", FunctionRule.Condition.self) ?? []
        let connection = try object.optionalArgument("connection")
        rule = FunctionRule(
            convention: goFunctions.isEmpty ? .c : .go, nameArgument: name.argument,
            lengthArgument: name.length?.argument, lengthBits: name.length?.bits ?? 64,
            conditions: conditions, connectionArgument: connection,
            treatment: try object.optional("sent", TreatmentDescription.self)?.treatment ?? [])
        hasSymbol = symbol != nil
        let found = anchor?.finds ?? symbol
        guard let shown = symbol ?? found ?? goFunctions.first else {
            throw anchor == nil
                ? object.problem(
                    "symbol", "is missing, and so are \"anchor\" and \"goFunctions\": nothing finds the function")
                : object.problem("anchor", "needs \"finds\", the function's name, where there is no \"symbol\"")
        }
        self.name = shown
        self.anchor = anchor.map { LibraryDescription.Anchor(finds: found ?? shown, rule: $0.rule) }

        try checkRenamed(object)
        try checkGoFunctions(object)
        try checkConditions(object)
        try checkArguments(object)
    }

    /// The shortest name that may stand after any prefix.
    private static var shortestRenamed: Int { 8 }

    private func checkRenamed(_ object: StrictObject) throws {
        guard renamed != nil else { return }
        guard hasSymbol else { throw object.problem("renamed", "needs a \"symbol\", to which prefixes are added") }
        guard name.utf8.count >= Self.shortestRenamed else {
            throw object.problem(
                "renamed",
                "needs a \"symbol\" of at least \(Self.shortestRenamed) characters: other names end in \"_\(name)\" too"
            )
        }
    }

    private func checkGoFunctions(_ object: StrictObject) throws {
        guard !goFunctions.isEmpty else { return }
        guard !hasSymbol && anchor == nil else {
            throw object.problem(
                "goFunctions",
                "takes its arguments as Go's functions do: it can't stand beside \"symbol\" or \"anchor\"")
        }
        guard rule.lengthArgument != nil else {
            throw object.problem("name", "must have the form \"length\": no NUL ends Go's strings")
        }
        for (index, pattern) in goFunctions.enumerated() {
            let path = pattern.hasPrefix("*/") ? pattern.dropFirst(2) : pattern[...]
            // A path's last part and a name: "crypto/tls.hostnameInSNI".
            guard !path.contains("*"), path.contains("."), path.first != ".", path.last != "." else {
                throw object.problem(
                    "goFunctions", at: index,
                    "must be a package's path, a dot and a name, with \"*/\" before them for any folder, is \"\(pattern)\""
                )
            }
        }
    }

    private func checkConditions(_ object: StrictObject) throws {
        let conditions = rule.conditions
        guard conditions.count <= FunctionRule.conditionLimit else {
            throw object.problem(
                "conditions", "must be at most \(FunctionRule.conditionLimit), are \(conditions.count)")
        }
        for (index, condition) in conditions.enumerated()
        where conditions[..<index].contains(where: { $0.argument == condition.argument }) {
            throw object.problem("conditions", at: index, "argument \(condition.argument) has a condition already")
        }
    }

    /// No argument is two things at once.
    private func checkArguments(_ object: StrictObject) throws {
        if rule.lengthArgument == rule.nameArgument {
            throw object.problem("name", "has its length in argument \(rule.nameArgument), where the name itself is")
        }
        let named = [rule.nameArgument, rule.lengthArgument].compactMap(\.self)
        if let connection = rule.connectionArgument, named.contains(connection) {
            throw object.problem("connection", "is argument \(connection), which \"name\" has")
        }
        for (index, condition) in rule.conditions.enumerated() {
            if named.contains(condition.argument) {
                throw object.problem(
                    "conditions", at: index, "is about argument \(condition.argument), which \"name\" has")
            }
            if condition.argument == rule.connectionArgument {
                throw object.problem(
                    "conditions", at: index, "is about argument \(condition.argument), which is the \"connection\"")
            }
        }
    }

    /// Whether the same function would be found.
    func isFoundLike(_ other: Self) -> Bool {
        anchor != nil && anchor?.rule == other.anchor?.rule || goFunctions.contains(where: other.goFunctions.contains)
    }
}

/// What becomes of the name before it is sent.
private struct TreatmentDescription: Decodable {
    let treatment: NameTreatment

    init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["addresses", "trailingDots"])
        try object.checkNotEmpty()
        var treatment: NameTreatment = []
        if try object.optional("addresses", Bool.self) == false { treatment.insert(.dropsIPLiterals) }
        if try object.optional("trailingDots", Bool.self) == false { treatment.insert(.trimsTrailingDots) }
        self.treatment = treatment
    }
}

extension LibraryDescription.Renamed: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["with", "except"])
        with = try object.optionalSymbol("with") ?? object.required("with")
        except = try object.symbols("except") ?? []
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

internal import FoundationEssentials

extension LibraryDescription {
    /// A description is a page; this is far more.
    private static var byteLimit: Int { 1 << 20 }

    /// Reads one description.
    /// - Parameters:
    ///   - json5: The file's text.
    ///   - file: Its name, for messages.
    public static func decode(json5: [UInt8], file: String) throws(DescriptionError) -> LibraryDescription {
        guard json5.count <= byteLimit else {
            throw DescriptionError(file: file, problem: "is larger than \(byteLimit) bytes")
        }
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        do {
            return try decoder.decode(LibraryDescription.self, from: Data(json5))
        } catch let error as DecodingError {
            throw DescriptionError(file: file, error)
        } catch {
            throw DescriptionError(file: file, problem: "\(error)")
        }
    }

    /// Reads one description.
    public static func decode(json5: String, file: String) throws(DescriptionError) -> LibraryDescription {
        try decode(json5: Array(json5.utf8), file: file)
    }

    /// Reads descriptions that belong together: no two may be of the same kind.
    public static func decode(
        files: [(name: String, text: String)]
    ) throws(DescriptionError) -> [LibraryDescription] {
        var result: [LibraryDescription] = []
        for file in files {
            let description = try decode(json5: file.text, file: file.name)
            guard !result.contains(where: { $0.kind == description.kind }) else {
                throw DescriptionError(
                    file: file.name, key: "kind", problem: "\"\(description.kind)\" is described by another file too")
            }
            result.append(description)
        }
        return result
    }
}

extension LibraryDescription: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["kind", "recognise", "functions", "version"])
        kind = try object.text("kind")
        functions = try object.required("functions")
        guard !functions.isEmpty else { throw object.problem("functions", "must not be empty") }
        for (index, function) in functions.enumerated()
        where functions[..<index].contains(where: { $0.symbol == function.symbol }) {
            throw object.problem("functions", "\"\(function.symbol)\" stands there twice")
        }
        let recognition = try object.required("recognise", Recognition.self)
        defines = recognition.defines
        lacks = recognition.lacks
        version = try object.optional("version")
    }

    private struct Recognition: Decodable {
        let defines: [String]
        let lacks: [String]

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["defines", "lacks"])
            defines = try object.texts("defines") ?? []
            lacks = try object.texts("lacks") ?? []
            guard !defines.isEmpty else { throw object.problem("defines", "must name at least one function") }
            if let both = defines.first(where: lacks.contains) {
                throw object.problem("lacks", "\"\(both)\" stands in \"defines\" too")
            }
        }
    }
}

extension LibraryDescription.VersionSource: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["prefix", "beside", "symbolVersions"])
        prefix = try object.optionalText("prefix")
        beside = try object.optionalText("beside")
        symbolVersions = try object.optionalText("symbolVersions")
        guard prefix != nil || symbolVersions != nil else {
            throw object.problem("prefix", "is missing, and so is \"symbolVersions\"; one of them is needed")
        }
    }
}

extension LibraryDescription.Function: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["symbol", "name", "conditions", "connection"])
        symbol = try object.text("symbol")
        let name = try object.required("name", Name.self)
        let conditions = try object.optional("conditions", [FunctionRule.Condition].self) ?? []
        guard conditions.count <= FunctionRule.conditionLimit else {
            throw object.problem(
                "conditions", "must be at most \(FunctionRule.conditionLimit), are \(conditions.count)")
        }
        rule = FunctionRule(
            nameArgument: name.argument, lengthArgument: name.length?.argument, lengthBits: name.length?.bits ?? 64,
            conditions: conditions, connectionArgument: try object.optionalArgument("connection"))
    }

    private struct Name: Decodable {
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
    }

    private struct Length: Decodable {
        let argument: Int
        let bits: Int

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["argument", "bits"])
            argument = try object.argument("argument")
            bits = try object.bits("bits")
        }
    }
}

extension FunctionRule.Condition: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["argument", "equals", "bits"])
        argument = try object.argument("argument")
        bits = try object.bits("bits")
        equals = try object.required("equals")
        guard bits == 64 || equals >> UInt64(bits) == 0 else {
            throw object.problem("equals", "\(equals) does not fit into \(bits) bits")
        }
    }
}

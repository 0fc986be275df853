internal import FoundationEssentials
internal import LibLZMA

extension LibraryDescription {
    /// A description is a page; this is far more.
    private static var byteLimit: Int { 1 << 20 }

    /// Reads one description.
    /// - Parameters:
    ///   - json5: The file's text.
    ///   - file: Its name, for messages.
    public static func decode(json5: [UInt8], file: String) throws(DescriptionError) -> LibraryDescription {
        try decode(json5: json5, file: file, place: place(of: json5, file: file))
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
            let text = Array(file.text.utf8)
            let place = try place(of: text, file: file.name)
            let description = try decode(json5: text, file: file.name, place: place)
            guard !result.contains(where: { $0.kind == description.kind }) else {
                throw DescriptionError(
                    file: file.name, line: place.members["kind"]?.line, key: "kind",
                    problem: "\"\(description.kind)\" is described by another file too")
            }
            result.append(description)
        }
        return result
    }

    private static func place(of json5: [UInt8], file: String) throws(DescriptionError) -> JSON5Place {
        guard json5.count <= byteLimit else {
            throw DescriptionError(file: file, problem: "is larger than \(byteLimit) bytes")
        }
        do {
            return try JSON5Scanner.place(in: json5)
        } catch {
            throw DescriptionError(file: file, line: error.line, problem: error.problem)
        }
    }

    private static func decode(
        json5: [UInt8], file: String, place: JSON5Place
    ) throws(DescriptionError) -> LibraryDescription {
        let decoder = JSONDecoder()
        decoder.allowsJSON5 = true
        do {
            var description = try decoder.decode(LibraryDescription.self, from: Data(json5))
            var sum = CRC64()
            sum.add(json5)
            description.checksum = sum.value
            return description
        } catch let error as DecodingError {
            throw DescriptionError(file: file, error, in: place)
        } catch {
            throw DescriptionError(file: file, problem: "\(error)")
        }
    }
}

extension LibraryDescription: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["kind", "recognise", "functions", "version", "untraceable"])
        kind = try object.text("kind")
        untraceable = try object.optionalText("untraceable")
        functions = try object.optional("functions") ?? []
        guard functions.isEmpty == (untraceable != nil) else {
            throw object.problem(
                "functions",
                functions.isEmpty ? "must not be empty" : "must be empty where the library is \"untraceable\"")
        }
        for (index, function) in functions.enumerated()
        where functions[..<index].contains(where: { $0.name == function.name }) {
            throw object.problem("functions", at: index, "\"\(function.name)\" stands there twice")
        }
        for (index, function) in functions.enumerated() {
            if let first = functions[..<index].firstIndex(where: { $0.isFoundLike(function) }) {
                throw object.problem(
                    "functions", at: index, "is found by what functions[\(first)] is found by: they would be one place")
            }
        }
        let recognition = try object.optional("recognise", Recognition.self)
        defines = recognition?.defines ?? []
        lacks = recognition?.lacks ?? []
        texts = recognition?.texts ?? []
        guard recognition != nil || untraceable == nil else {
            throw object.problem("recognise", "is missing; nothing else tells of a library without functions")
        }
        version = try object.optional("version")
    }

    private struct Recognition: Decodable {
        let defines: [String]
        let lacks: [String]
        let texts: [String]

        init(from decoder: any Decoder) throws {
            let object = try StrictObject(decoder, keys: ["defines", "lacks", "texts"])
            defines = try object.symbols("defines") ?? []
            lacks = try object.symbols("lacks") ?? []
            texts = try object.texts("texts") ?? []
            guard !defines.isEmpty || !texts.isEmpty else {
                throw object.problem("defines", "must name at least one function, or \"texts\" one text")
            }
            guard lacks.isEmpty || !defines.isEmpty else {
                throw object.problem("lacks", "tells nothing where \"defines\" is missing")
            }
            if let both = lacks.firstIndex(where: defines.contains) {
                throw object.problem("lacks", at: both, "\"\(lacks[both])\" stands in \"defines\" too")
            }
            if let short = texts.firstIndex(where: { $0.utf8.count < Self.shortestText }) {
                throw object.problem(
                    "texts", at: short,
                    "\"\(texts[short])\" has less than \(Self.shortestText) characters: it stands in other files too")
            }
        }

        private static let shortestText = 8
    }
}

extension LibraryDescription.VersionSource: Decodable {
    private static var shortestText: Int { 4 }

    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["prefix", "beside", "symbolVersions"])
        prefix = try object.optionalText("prefix")
        beside = try object.optionalText("beside")
        symbolVersions = try object.optionalText("symbolVersions")
        guard prefix != nil || symbolVersions != nil else {
            throw object.problem("prefix", "is missing, and so is \"symbolVersions\"; one of them is needed")
        }
        guard beside == nil || prefix != nil else {
            throw object.problem("beside", "needs a \"prefix\", which is looked for there")
        }
        for (key, text) in [("prefix", prefix), ("beside", beside), ("symbolVersions", symbolVersions)] {
            guard let text, text.utf8.count < Self.shortestText else { continue }
            throw object.problem(
                key, "\"\(text)\" has less than \(Self.shortestText) characters: it stands in other places too")
        }
    }
}

extension FunctionRule.Condition: Decodable {
    public init(from decoder: any Decoder) throws {
        let object = try StrictObject(decoder, keys: ["argument", "equals", "bits"])
        argument = try object.argument("argument")
        bits = try object.bits("bits")
        equals = try object.number("equals", in: 0...UInt64.max) ?? object.required("equals")
        guard bits == 64 || equals >> UInt64(bits) == 0 else {
            throw object.problem("equals", "\(equals) does not fit into \(bits) bits")
        }
    }
}

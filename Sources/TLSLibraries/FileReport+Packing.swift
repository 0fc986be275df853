extension FileReport: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(machine)
        packing.add(buildID)
        packing.add(isStripped)
        packing.add(libraries)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        machine = try unpacking.next()
        buildID = try unpacking.next()
        isStripped = try unpacking.next()
        libraries = try unpacking.next()
    }
}

extension FoundLibrary: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(kind)
        packing.add(version)
        packing.add(functions)
        packing.add(reason)
        packing.add(isUncertain)
        packing.add(isUntraceable)
        packing.add(isStatic)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        kind = try unpacking.next()
        version = try unpacking.next()
        functions = try unpacking.next()
        reason = try unpacking.next()
        isUncertain = try unpacking.next()
        isUntraceable = try unpacking.next()
        isStatic = try unpacking.next()
    }
}

extension AttachPoint: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(function)
        packing.add(rule)
        packing.add(address)
        packing.add(fileOffset)
        packing.add(probeOffset)
        packing.add(located.rawValue)
        packing.add(evidence)
        packing.add(instruction)
        packing.add(placement)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        function = try unpacking.next()
        rule = try unpacking.next()
        address = try unpacking.next()
        fileOffset = try unpacking.next()
        probeOffset = try unpacking.next()
        guard let located = Located(rawValue: try unpacking.next()) else { throw PackingError() }
        self.located = located
        evidence = try unpacking.next()
        instruction = try unpacking.next()
        placement = try unpacking.next()
    }
}

extension FunctionRule: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(convention.rawValue)
        packing.add(nameArgument)
        packing.add(lengthArgument)
        packing.add(lengthBits)
        packing.add(conditions)
        packing.add(connectionArgument)
        packing.add(UInt64(treatment.rawValue))
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        guard let convention = CallingConvention(rawValue: try unpacking.next()) else { throw PackingError() }
        self.init(
            convention: convention, nameArgument: try unpacking.next(), lengthArgument: try unpacking.next(),
            lengthBits: try unpacking.next(), conditions: try unpacking.next(),
            connectionArgument: try unpacking.next(),
            treatment: NameTreatment(rawValue: UInt8(truncatingIfNeeded: try unpacking.next(UInt64.self))))
        guard isPossible else { throw PackingError() }
    }

    /// Whether the BPF program can be told so, as all of the catalog.
    private var isPossible: Bool {
        let arguments = [nameArgument, lengthArgument, connectionArgument].compactMap(\.self)
        return (arguments + conditions.map(\.argument)).allSatisfy { 0...Self.lastArgument ~= $0 }
            && ([lengthBits] + conditions.map(\.bits)).allSatisfy([8, 16, 32, 64].contains)
            && conditions.count <= Self.conditionLimit
    }
}

extension FunctionRule.Condition: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(argument)
        packing.add(equals)
        packing.add(bits)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        self.init(argument: try unpacking.next(), equals: try unpacking.next(), bits: try unpacking.next())
    }
}

extension FileContents: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(buildID)
        packing.add(machine)
        packing.add(size)
        packing.add(checksum)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        buildID = try unpacking.next()
        machine = try unpacking.next()
        size = try unpacking.next()
        checksum = try unpacking.next()
    }
}

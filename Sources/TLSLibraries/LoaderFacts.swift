public import ELFImage

/// What a file tells the loader: what it needs, and where that is searched for. Text from the file: not trusted.
public struct LoaderFacts: Sendable, Hashable {
    let machine: Machine
    /// The loader that a program asks for; nil for a static program, and for a library.
    let interpreter: String?
    let needed: [String]
    let soname: String?
    /// As in `DynamicSection`.
    let rpath: String?
    let runpath: String?

    /// - Throws: `ELFError`, or what the source throws.
    public init(of source: any ByteSource) throws {
        let image = try ELFImage(source)
        let dynamic = try image.dynamicSection()
        machine = image.machine
        // A library's is nobody's concern, and the kernel starts no program with a damaged one.
        interpreter = try? image.interpreter()
        needed = dynamic?.needed ?? []
        soname = dynamic?.soname
        rpath = dynamic?.rpath
        runpath = dynamic?.runpath
    }
}

extension LoaderFacts: Packable {
    package func pack(into packing: inout Packing) {
        packing.add(machine.name)
        packing.add(interpreter)
        packing.add(needed)
        packing.add(soname)
        packing.add(rpath)
        packing.add(runpath)
    }

    package init(unpacking: inout Unpacking) throws(PackingError) {
        machine = Machine(name: try unpacking.next())
        interpreter = try unpacking.next()
        needed = try unpacking.next()
        soname = try unpacking.next()
        rpath = try unpacking.next()
        runpath = try unpacking.next()
    }
}

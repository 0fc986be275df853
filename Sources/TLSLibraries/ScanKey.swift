internal import ELFImage

/// What a cached result is the result of: one file in one state, and its files of debug information.
public struct ScanKey: Sendable, Hashable {
    /// All of it, as text.
    let text: String

    /// - Parameter states: Of the file, then of those of debug information.
    init(_ contents: FileContents, states: [FileState]) {
        self.init(
            buildID: contents.buildID, machine: contents.machine, size: contents.size, checksum: contents.checksum,
            states: states)
    }

    /// What is kept of many files together.
    init(name: String) {
        text = name
    }

    init(buildID: String?, machine: String, size: UInt64, checksum: UInt64, states: [FileState]) {
        text =
            """
            buildID \(buildID ?? "none")
            machine \(machine)
            size \(size)
            checksum \(checksum)
            """
            + states.map { "\nfile \($0.device) \($0.inode) \($0.changedAt)" }.joined()
    }
}

/// What a cached result is known by, of the file's contents.
public struct FileContents: Sendable {
    let buildID: String?
    let machine: String
    let size: UInt64
    let checksum: UInt64

    /// Reads a dozen small blocks.
    /// - Throws: `ELFError`, or what the source throws.
    init(of image: ELFImage) throws {
        buildID = try image.buildID()
        machine = image.machine.name
        size = image.source.size
        checksum = try image.sampledChecksum()
    }
}

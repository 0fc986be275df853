public import ELFImage

/// What a cached result is the result of: one file in one state, and its files of debug information.
public struct ScanKey: Sendable, Hashable {
    /// All of it, as text.
    let text: String

    /// Reads a dozen small blocks.
    /// - Parameter states: Of the file, then of those of debug information.
    /// - Throws: `ELFError`, or what the source throws.
    public init(of image: ELFImage, states: [FileState]) throws {
        self.init(
            buildID: try image.buildID(), machine: image.machine.name, size: image.source.size,
            checksum: try image.sampledChecksum(), states: states)
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

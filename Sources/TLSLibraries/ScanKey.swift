public import ELFImage

/// What a cached result is the result of: one file in one state.
public struct ScanKey: Sendable, Hashable {
    /// All of it, as text.
    let text: String

    /// Reads a dozen small blocks.
    /// - Throws: `ELFError`, or what the source throws.
    public init(of image: ELFImage, state: FileState) throws {
        self.init(
            buildID: try image.buildID(), machine: image.machine.name, size: image.source.size,
            checksum: try image.sampledChecksum(), state: state)
    }

    init(buildID: String?, machine: String, size: UInt64, checksum: UInt64, state: FileState) {
        text = """
            buildID \(buildID ?? "none")
            machine \(machine)
            size \(size)
            checksum \(checksum)
            file \(state.device) \(state.inode) \(state.changedAt)
            """
    }
}

public import ELFImage
public import OS

extension RegularFile: ByteSource {
    /// Bytes, as of opening.
    public var size: UInt64 { status.size }
}

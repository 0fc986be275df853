internal import BPFPrograms
public import LibBPF
public import OS
public import TLSLibraries

extension InodeIdentifier {
    /// The one of this process: loading it takes 20 ms of a processor, since libbpf reads the kernel's types for it.
    public static let ofThisKernel = InodeIdentifier { BPFProgram.fileIdentity.image }
}

extension FindingCache {
    /// A cache that asks the kernel which files overlays show.
    /// - Throws: `SystemError`: what is wrong with the folder, and what to do.
    public convenience init(path: String, catalog: LibraryCatalog) throws(SystemError) {
        try self.init(path: path, catalog: catalog) { file in
            InodeIdentifier.ofThisKernel.identity(ofDescriptor: file.descriptor.number).map { ($0.device, $0.inode) }
        }
    }
}

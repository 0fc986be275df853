internal import BPFPrograms
internal import LibBPF
public import OS
public import TLSLibraries

extension FindingCache {
    /// A cache that asks the kernel which files overlays show.
    /// - Throws: `SystemError`: what is wrong with the folder, and what to do.
    public convenience init(path: String, catalog: LibraryCatalog) throws(SystemError) {
        let identifier = InodeIdentifier { BPFProgram.fileIdentity.image }
        try self.init(path: path, catalog: catalog) { file in
            identifier.identity(ofDescriptor: file.descriptor.number).map { ($0.device, $0.inode) }
        }
    }
}

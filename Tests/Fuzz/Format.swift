import Foundation

/// What a hostile user writes and sniscope reads.
struct Format: Sendable {
    typealias Reader = @Sendable (inout Choices) -> Void

    let name: String
    /// - Returns: What makes one of its files as the choices say and has it read. Whatever the file is, that is to
    ///   return, soon.
    let reader: @Sendable () throws -> Reader

    init(name: String, reader: @escaping @Sendable () throws -> Reader) {
        self.name = name
        self.reader = reader
    }

    static let all = ELFFormats.all + [LoaderCacheFormat.format, InspectionFormat.format] + TextFormats.all

    /// The folder of the compiled samples.
    static let samples = ProcessInfo.processInfo.environment["SNISCOPE_FUZZ_SAMPLES"] ?? "."
}

internal import ELFImage
internal import FoundationEssentials
internal import OS
internal import TLSLibraries

/// The process that looks into files: what is in them may be written to make whoever reads it crash, and this one has
/// no rights that could be misused. It opens nothing itself and ends with the process that started it.
public enum InspectionServer {
    /// As `ps` shows it.
    static let name = "sniscope-inspector"

    /// Bytes: two large files at once, with all that is found in them.
    private static let memory: UInt64 = 2 << 30

    /// Whether this process is one.
    public static func isRequested(_ arguments: [String]) -> Bool { arguments == [name] }

    /// Answers until whoever started it has ended.
    public static func run() {
        let control = HelperProcess.ownSocket("sniscope-insp")
        guard let added = try? control.receiveBytes(),
            let texts = try? JSONDecoder().decode([DescriptionText].self, from: Data(added)),
            let catalog = try? LibraryCatalog.builtin.adding(texts),
            (try? HelperProcess.confine(memory: memory)) != nil
        else { return }
        while let message = try? control.receive() {
            let niceness = Int32(Int8(bitPattern: message.bytes[0]))
            guard let socket = message.socket() else { continue }
            do throws(SystemError) {
                try Threads.start(name: "inspect") {
                    Threads.setNiceness(niceness)
                    InspectionConversation(socket, catalog).run()
                }
            } catch {
                // The other end is closed: whoever waits for an answer gets none.
                continue
            }
        }
    }
}

/// One connection: one request after the other.
private struct InspectionConversation: Sendable {
    private let socket: MessageSocket
    private let catalog: LibraryCatalog

    init(_ socket: MessageSocket, _ catalog: LibraryCatalog) {
        self.socket = socket
        self.catalog = catalog
    }

    func run() {
        // By it the other process sees whether this thread goes on.
        guard (try? socket.send(Array("\(Threads.identifier)".utf8))) != nil else { return }
        while let message = try? socket.receive() {
            let request = InspectionRequest(message.bytes)
            guard let request, let file = message.file(named: "the file"),
                (try? socket.send(answer(request, file).bytes)) != nil
            else { return }
        }
    }

    private func answer(_ request: InspectionRequest, _ file: RegularFile) -> InspectionReply {
        let inspector = Inspector(catalog: catalog, cache: RemoteFindings(socket: socket))
        let source = BudgetedFile(file, isBrief: request.isBrief)
        var absent: Set<String> = []
        let openDebugFile = { absent.contains($0) ? nil : ask(.openDebugFile($0), named: $0) }
        do {
            switch request {
            case .find: return .report(try inspector.findLibraries(in: source))
            case .recall(let path):
                let look = try inspector.recallLibraries(in: source, path: path, openDebugFile: openDebugFile) {
                    absent = self.absent($0)
                }
                return look.isOfAll ? .recalled(look.report) : .report(look.report)
            case .search(let path, _):
                return .report(
                    try inspector.searchLibraries(in: source, path: path, openDebugFile: openDebugFile) {
                        absent = self.absent($0)
                    })
            case .loaderFacts: return .loaderFacts(try LoaderFacts(of: source))
            case .version(let kind, _):
                return .version(
                    try inspector.version(of: kind, in: source) { ask(.openNeeded($0), named: $0) })
            }
        } catch {
            return .failure(InspectionFailure(error))
        }
    }

    /// Mostly all: one question instead of one for each.
    private func absent(_ debugFiles: [String]) -> Set<String> {
        guard !debugFiles.isEmpty, (try? socket.send(InspectionReply.areThere(debugFiles).bytes)) != nil,
            let answer = try? socket.receiveBytes(), answer.count == debugFiles.count
        else { return [] }
        return Set(zip(debugFiles, answer).compactMap { $1 == 0 ? $0 : nil })
    }

    private func ask(_ question: InspectionReply, named name: String) -> RegularFile? {
        guard (try? socket.send(question.bytes)) != nil, let message = try? socket.receive() else { return nil }
        return message.file(named: name)
    }
}

/// What was found before is kept by the other process, which this one can't read a file of.
private struct RemoteFindings: FindingStore {
    let socket: MessageSocket

    func entry(_ contents: FileContents, of sources: [any ByteSource]) -> CachedFindings? {
        guard (try? socket.send(InspectionReply.recall(contents).bytes)) != nil,
            let answer = try? socket.receiveBytes()
        else { return nil }
        let value = Array(answer.dropFirst())
        return CachedFindings(value: value.isEmpty ? nil : value) { value in
            try? socket.send(InspectionReply.keep(value).bytes)
        }
    }
}

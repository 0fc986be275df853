internal import LibBPF
internal import OS
internal import Processes

extension FileProber {

    /// - Parameter mapped: How processes map the file.
    /// - Parameter inspected: nil: the code was compared before.
    func harm(
        to file: InodeIdentity, _ path: String, _ mapped: ProbeJob.MappedCandidate? = nil,
        _ inspected: Inspected? = nil
    ) -> HarmfulProbe? {
        func add(_ pid: Int32, _ copier: CodeCopier) {
            guard let process = try? ProcessIdentity(pid: pid) else { return }
            copiers.add(process, copier, files: [file])
        }
        if let mapped {
            // What was asked of a process goes for its program alone.
            if !path.contains(".so") {
                for user in mapped.users.prefix(HarmfulProbe.mostAsked) {
                    if let copier = CodeCopier(ofProcess: user.pid) { add(user.pid, copier) }
                }
            }
            let users = mapped.users.prefix(HarmfulProbe.mostCompared)
            if copiers.user(of: file) == nil, let pid = inspected?.userWithOtherCode(mapped.identity, users) {
                add(pid, .other)
            }
        }
        return copiers.user(of: file).map { HarmfulProbe(path: path, pid: $0.pid, copier: $0.copier) }
    }

    /// Takes the probes out of the files that a process maps, or is about to, which copies or interprets code.
    func spare(_ pid: Int32) -> [ProbeOutcome] {
        if copiers.hasOtherCode(pid) { return [.copying] }
        guard let process = try? ProcessIdentity(pid: pid), let copier = CodeCopier(ofProcess: pid) else {
            let wasKnown = copiers.contains(pid)
            copiers.remove(pid)
            return wasKnown ? [.copierEnded] : []
        }
        var outcomes: [ProbeOutcome] = []
        func spare(_ file: RegularFile, _ path: String) {
            let identity = InodeIdentity(of: file, identifier: identifier)
            // First, so that a thread that is about to probe it sees it afterwards.
            copiers.add(process, copier, files: [identity])
            guard let (number, knownPath, released) = table.release(identity) else { return }
            closer.closeHere(released)
            outcomes.append(
                .avoided(HarmfulProbe(path: knownPath ?? path, pid: pid, copier: copier), file: number))
        }
        // The program first: Node.js copies it within milliseconds.
        if let program = try? ProcessFile.openExecutable(pid: pid) { spare(program, program.path) }
        // An interpreter reads what it never maps executable, and its program has not been mapped yet.
        if copier.copiesLibraries {
            for (path, file) in filesToLoad(pid) { spare(file, path) }
            for file in mappedFiles(pid) { spare(file, file.path) }
        }
        if outcomes.isEmpty { outcomes.append(.copying) }
        return outcomes
    }

    /// Knows what runs before anything is probed.
    func spareExisting(_ existing: [Int32]) throws(SystemError) {
        guard !existing.isEmpty else { return }
        // A file system that hangs holds up no start: their files come with the next look at them.
        _ = try Threads.apart(within: Self.patienceAtStart) { [self] in
            for pid in existing { _ = spare(pid) }
        }
    }

    /// Milliseconds.
    private static let patienceAtStart = 2000

    private func mappedFiles(_ pid: Int32) -> [RegularFile] {
        let folder = "/proc/\(pid)/map_files"
        guard let names = try? Files.names(in: folder, limit: 1 << 14) else {
            // Not permitted: what is mapped executable.
            return ((try? ProcessScan.files(ofProcess: pid)) ?? []).compactMap { try? ProcessFile.open(pid: pid, $0) }
        }
        return names.compactMap { try? RegularFile(path: "\(folder)/\($0)") }
    }

    /// What the program on an interpreter's command line will load.
    private func filesToLoad(_ pid: Int32) -> [(String, RegularFile)] {
        let root = "/proc/\(pid)/root"
        let environment = (try? Files.read("/proc/\(pid)/environ", limit: 8 << 20)).map(ProcessRecord.arguments) ?? []
        let loadable = LoadableFiles.container(
            root: root, environment: environment,
            workingDirectory: (try? Files.linkTarget("/proc/\(pid)/cwd")) ?? "/")
        let arguments = (try? ProcessRecord.arguments(of: pid)) ?? []
        // Its options, some of which have values, come before the program.
        for start in arguments.indices.dropFirst().prefix(16) where !arguments[start].hasPrefix("-") {
            let files = loadable.needed(by: Array(arguments[start...])).compactMap { path in
                LoadableFiles.open(inRoot: root, path).map { (path, $0) }
            }
            if !files.isEmpty { return files }
        }
        return []
    }
}

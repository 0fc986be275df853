internal import Inspection
internal import LibBPF
internal import OS
internal import Processes

extension FileProber {
    func harm(to file: InodeIdentity, _ path: String) -> HarmfulProbe? {
        copiers.user(of: file).map { HarmfulProbe(path: path, pid: $0.pid, copier: $0.copier) }
    }

    /// Notes the processes to which a probe of a file that they map would do harm.
    /// - Returns: The harm to others than such a process and its owner, if there is any.
    func findCopiers(
        of identity: InodeIdentity, _ question: HarmfulProbe.Question, _ file: RegularFile, at offsets: [UInt64],
        _ path: String
    ) -> HarmfulProbe? {
        var harm: HarmfulProbe?
        for user in question.users(MappedCode.places(in: file, at: offsets)) {
            guard let process = try? ProcessIdentity(pid: user.pid) else { continue }
            if user.copier == .held { harm = HarmfulProbe(path: path, pid: user.pid, copier: .held) }
            // Beyond its owner's share: what it does with its own code is its owner's loss.
            try? copiers.add(process, user.copier, of: memory.owner(of: user.pid), files: [identity])
        }
        return harm
    }

    /// Takes the probes out of the files that a process maps, or is about to, which copies or interprets code.
    func spare(_ pid: Int32) -> [ProbeOutcome] {
        switch copiers.copier(pid) {
        // What another tool has changed in it is all that is known.
        case .other?: return [.copying]
        case .held?:
            return memory.held.contains(pid) || !HeldMemory.faulting([pid]).isEmpty ? [.copying] : noLongerSpared(pid)
        default: break
        }
        guard let process = try? ProcessIdentity(pid: pid) else { return noLongerSpared(pid) }
        let answer = memory.ask(pid, within: Self.patienceWithProcess) { () -> (CodeCopier, RegularFile?)? in
            // It copies its code soon, whatever else wants the processors.
            Threads.withHighPriority {
                CodeCopier(ofProcess: pid).map { ($0, try? ProcessFile.openExecutable(pid: pid)) }
            }
        }
        guard let answer else {
            // One that does not answer is what it was before. What nobody can be told of now is looked at once it does.
            if copiers.copier(pid) == nil, memory.held.isHeld(pid, within: Self.patienceWithProcess) {
                try? copiers.add(process, .held, of: owner, files: [])
            }
            return [.copying]
        }
        guard let (copier, program) = answer else { return noLongerSpared(pid) }
        var outcomes: [ProbeOutcome] = []
        func spare(_ file: RegularFile, _ path: String) {
            let identity = InodeIdentity(of: file, identifier: identifier)
            // First, so that a thread that is about to probe it sees it afterwards.
            do throws(OwnersLimit) {
                try copiers.add(process, copier, of: owner, files: [identity])
            } catch {
                outcomes.append(.crowded(error))
                return
            }
            guard let (number, knownPath, released) = table.release(identity) else { return }
            closer.closeHere(released)
            outcomes.append(
                .avoided(HarmfulProbe(path: knownPath ?? path, pid: pid, copier: copier), file: number))
        }
        // The program first: Node.js copies it within milliseconds.
        if let program { spare(program, program.path) }
        // An interpreter reads what it never maps executable, and its program has not been mapped yet.
        if copier.copiesLibraries {
            let filesToLoad = { @Sendable [inspector] pid in Self.filesToLoad(pid, inspector) }
            for question in [filesToLoad, Self.mappedFiles] {
                for (path, file) in memory.ask(pid, within: Self.patienceWithProcess, { question(pid) }) ?? [] {
                    spare(file, path)
                }
            }
        }
        if outcomes.isEmpty { outcomes.append(.copying) }
        return outcomes
    }

    /// Milliseconds.
    private static let patienceWithProcess = 300

    private func noLongerSpared(_ pid: Int32) -> [ProbeOutcome] {
        let wasKnown = copiers.contains(pid)
        copiers.remove(pid)
        return wasKnown ? [.copierEnded] : []
    }

    /// Knows what runs before anything is probed.
    func spareExisting(_ existing: [Int32]) throws(SystemError) {
        let existing = existing.filter(copiers.concerns)
        guard !existing.isEmpty else { return }
        // A file system that hangs holds up no start: their files come with the next look at them.
        _ = try Threads.result(within: Self.patienceAtStart) { [self] in
            for pid in existing { _ = spare(pid) }
        }
    }

    /// Milliseconds.
    private static let patienceAtStart = 2000

    @Sendable
    private static func mappedFiles(_ pid: Int32) -> [(String, RegularFile)] {
        let folder = "/proc/\(pid)/map_files"
        guard let names = try? Files.names(in: folder, limit: 1 << 14) else {
            // Not permitted: what is mapped executable.
            return ((try? ProcessScan.files(ofProcess: pid)) ?? []).compactMap { mapped in
                (try? ProcessFile.open(pid: pid, mapped)).map { (mapped.path, $0) }
            }
        }
        return names.compactMap { name in
            (try? RegularFile(path: "\(folder)/\(name)")).map { ($0.path, $0) }
        }
    }

    /// What the program on an interpreter's command line will load.
    private static func filesToLoad(_ pid: Int32, _ inspector: FileInspector) -> [(String, RegularFile)] {
        let root = "/proc/\(pid)/root"
        let environment = (try? Files.read("/proc/\(pid)/environ", limit: 8 << 20)).map(ProcessRecord.arguments) ?? []
        let loadable = LoadableFiles.container(
            root: root, environment: environment,
            workingDirectory: (try? Files.linkTarget("/proc/\(pid)/cwd")) ?? "/")
        let arguments = (try? ProcessRecord.arguments(of: pid)) ?? []
        // Its options, some of which have values, come before the program.
        for start in arguments.indices.dropFirst().prefix(16) where !arguments[start].hasPrefix("-") {
            let files = loadable.needed(by: Array(arguments[start...]), inspector).compactMap { path in
                LoadableFiles.open(inRoot: root, path).map { (path, $0) }
            }
            if !files.isEmpty { return files }
        }
        return []
    }
}

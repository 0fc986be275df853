internal import Containers
internal import OS
internal import Processes

/// What is on the host when a session begins. Takes as long as loading the BPF programs, so it runs beside that.
struct HostScan: Sendable {
    let processes: ProcessScan
    /// Libraries that programs will find.
    let installed: [String]
    let runtimes: ContainerRuntimes
    /// Of all runtimes, and why some could not be read.
    let containers: ContainerListing
    /// Whatever the session is to trace: a file is probed in all processes.
    let everyone: ProcessScan

    /// - Throws: `SystemError`.
    init(target: SessionOptions.Target) throws {
        runtimes = .discover()
        containers = runtimes.list()
        switch target {
        case .files:
            processes = ProcessScan.run(pids: [])
            installed = []
        case .processes(let pids):
            // Says so where one is gone.
            for pid in pids { _ = try ProcessScan.files(ofProcess: pid) }
            processes = ProcessScan.run(pids: pids)
            installed = []
        case .host, .children:
            processes = try ProcessScan.run()
            installed = LoadableFiles.host().installed
        }
        everyone =
            switch target {
            case .host, .children: processes
            case .files, .processes: try ProcessScan.run()
            }
    }
}

extension ProcessScan {
    /// Processes that copy or interpret code, as what they map tells.
    var copiers: [Int32: CodeCopier] {
        var copiers: [Int32: CodeCopier] = [:]
        for file in files {
            guard let copier = CodeCopier(mapping: file.path) else { continue }
            for user in file.users { copiers[user.pid] = copier }
        }
        return copiers
    }
}

public import OS

/// A user's container that its conmon is about to start: what its program will load is known before it runs. It has no
/// control group that would tell of it, or one that leads to no bundle.
public struct StartingContainer: Sendable {
    /// `Container.ownID` of the container.
    public let id: String
    public let bundle: OCIBundle
    private let monitor: Monitor

    /// - Returns: nil for root's, of which its control group tells; for one that has its first process already; and
    ///   where the bundle can't be read.
    init?(_ monitor: Monitor) {
        guard monitor.uid != 0, monitor.container() == nil, let bundle = try? monitor.bundle() else { return nil }
        id = Container.ownID(monitor.command.id, ofUser: monitor.uid)
        self.bundle = bundle
        self.monitor = monitor
    }

    /// Its root folder, as its user's processes see it. The file system may be one that the user serves: for a thread
    /// that can be spared.
    /// - Throws: `SystemError`; also for a folder that is not the user's.
    public func rootFolder() throws(SystemError) -> Descriptor {
        try monitor.folder(bundle.rootPath)
    }
}

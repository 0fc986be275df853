internal import Containers
internal import OS
internal import Processes

/// Reads for the event loop, which never waits, what is asked of control groups and of bundles. One walk answers all
/// questions that have come by then.
final class CgroupReader: Sendable {
    enum Report: Sendable {
        /// Where control groups of the v2 hierarchy are; nil: gone.
        case located([UInt64: String?])
        /// The first process of a container, by its key; nil: not written down yet.
        case initPid(container: String, Int32?)
        /// How the hierarchy differs from what was known of it.
        case compared(CgroupDifference)
    }

    /// What is known of the hierarchy, to be compared with it.
    struct Known: Sendable {
        let ids: Set<UInt64>
        /// Of control groups without a number, below the root of any hierarchy.
        let paths: [String]
    }

    private enum Walk: Sendable {
        case locate(UInt64)
        case compare(Known)
    }

    private struct Bundle: Sendable {
        let path: String
        /// The container's key.
        let container: String
    }

    /// A walk is followed by a rest that is so many times as long: whoever makes control groups all the time has one
    /// processor walk a third of it.
    private static let restAfterWalk: Int64 = 2

    private let walks = BlockingQueue<Walk>()
    private let bundles = BlockingQueue<Bundle>()

    /// - Parameter report: Called on threads of this object's own.
    init(_ layout: CgroupLayout, report: @escaping @Sendable (Report) -> Void) throws(SystemError) {
        try Threads.start(name: "cgroups") { [walks] in
            while let batch = walks.takeAll() {
                let begun = Clock.monotonic
                Self.walk(batch, layout, report)
                Threads.rest(Self.restAfterWalk, since: begun)
            }
        }
        try Threads.start(name: "bundles") { [bundles] in
            while let bundle = bundles.take() {
                report(.initPid(container: bundle.container, OCIBundle.initPid(inBundle: bundle.path)))
            }
        }
    }

    func locate(cgroup id: UInt64) { walks.put(.locate(id)) }
    func compare(_ known: Known) { walks.put(.compare(known)) }
    func readInitPid(bundle path: String, container: String) { bundles.put(Bundle(path: path, container: container)) }

    func close() {
        walks.close()
        bundles.close()
    }

    private static func walk(_ batch: [Walk], _ layout: CgroupLayout, _ report: (Report) -> Void) {
        var wanted: [UInt64: String?] = [:]
        var known: Known?
        for walk in batch {
            switch walk {
            case .locate(let id): wanted.updateValue(nil, forKey: id)
            case .compare(let latest): known = latest
            }
        }
        // Without the hierarchy nothing is found, and nothing is known to be gone.
        guard let tree = CgroupTree(layout: layout), let nodes = try? tree.nodes() else {
            if !wanted.isEmpty { report(.located(wanted)) }
            if let known { report(.compared(CgroupDifference(known, nodes: nil, layout))) }
            return
        }
        for node in nodes where wanted[node.id] != nil { wanted.updateValue(node.path, forKey: node.id) }
        if !wanted.isEmpty { report(.located(wanted)) }
        if let known { report(.compared(CgroupDifference(known, nodes: nodes, layout))) }
    }
}

/// How the hierarchies of control groups differ from what was known of them.
struct CgroupDifference: Sendable {
    let gone: [UInt64]
    let gonePaths: [String]
    /// Of the v2 hierarchy.
    let new: [CgroupTree.Node]

    /// - Parameter nodes: Of the v2 hierarchy, read after `known`; nil where it can't be read.
    init(_ known: CgroupReader.Known, nodes: [CgroupTree.Node]?, _ layout: CgroupLayout) {
        let present = Set((nodes ?? []).map(\.id))
        gone = nodes == nil ? [] : known.ids.filter { !present.contains($0) }
        new = (nodes ?? []).filter { !known.ids.contains($0.id) }
        let mounts = [layout.unified].compactMap(\.self) + layout.legacy.values
        gonePaths = known.paths.filter { path in !mounts.contains { Files.exists($0 + path) } }
    }
}
